//! Whom a request goes to, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::hub::Hub;
use super::super::store::{Deposit, NotStored};
use super::super::uuid::{is_uuid, random_uuid};
use super::notification::Notification;
use super::{App, Refused, address};

/// The subscriptions that a request names.
pub(super) struct Targets {
    /// Those that exist, each with the alias that led to it; the others are left out silently.
    known: BTreeMap<String, Option<Alias>>,
    /// Aliases that led to no subscription.
    nobody: BTreeSet<Alias>,
}

/// A label and an id.
type Alias = (String, String);

/// What became of the targets.
pub(super) struct Reached {
    /// Names of the messages.
    pub(super) ids: Vec<String>,
    unsubscribed: Vec<String>,
    /// Aliases of which not every subscription was reached.
    aliases: BTreeSet<Alias>,
}

impl Targets {
    pub(super) fn read(request: &Map<String, Value>, app: &App) -> Result<Self, Refused> {
        let family = |name: &&String| {
            name.starts_with("include_") || *name == "included_segments" || *name == "filters"
        };
        let mut families = request.iter().filter(|(name, _)| family(name));
        let (Some((family, value)), None) = (families.next(), families.next()) else {
            return Err(Refused::bad("Exactly one way to name the targets is required"));
        };
        match family.as_str() {
            "include_subscription_ids" => Self::subscriptions(value, app),
            "include_aliases" => {
                if request.get("target_channel").and_then(Value::as_str) != Some("push") {
                    return Err(Refused::bad("target_channel must be push"));
                }
                Self::aliases(value, app)
            }
            _ => Err(Refused::bad("The double takes subscription ids and aliases only")),
        }
    }

    fn subscriptions(ids: &Value, app: &App) -> Result<Self, Refused> {
        let ids = texts(ids, "include_subscription_ids")?;
        if !ids.iter().all(|id| is_uuid(id)) {
            return Err(Refused::bad(
                "Incorrect subscription_id format in include_subscription_ids (not a valid UUID)",
            ));
        }
        let ids = ids.iter().map(|id| id.to_ascii_lowercase());
        let known = ids.filter(|id| app.subscriptions.contains_key(id)).map(|id| (id, None));
        Ok(Self { known: known.collect(), nobody: BTreeSet::new() })
    }

    fn aliases(labels: &Value, app: &App) -> Result<Self, Refused> {
        let labels = labels.as_object().filter(|labels| !labels.is_empty());
        let labels = labels.ok_or_else(|| {
            Refused::bad("include_aliases must be an object of labels and arrays of ids")
        })?;
        let mut targets = Self { known: BTreeMap::new(), nobody: BTreeSet::new() };
        let mut asked = 0;
        for (label, ids) in labels {
            let ids: BTreeSet<_> = texts(ids, "include_aliases")?.into_iter().collect();
            asked += ids.len();
            let mut found = BTreeSet::new();
            for (subscription, aliases) in &app.subscriptions {
                if let Some(id) = aliases.get(label).filter(|id| ids.contains(id.as_str())) {
                    found.insert(id.as_str());
                    let alias = (label.clone(), id.clone());
                    targets.known.insert(subscription.clone(), Some(alias));
                }
            }
            let nobody = ids.difference(&found).map(|id| (label.clone(), (*id).to_owned()));
            targets.nobody.extend(nobody);
        }
        if asked > MAX_TARGETS {
            return Err(too_many("include_aliases"));
        }
        Ok(targets)
    }

    /// Stores a message for each.
    pub(super) fn reach(self, hub: &Hub, notification: &Notification) -> Result<Reached, Refused> {
        let mut reached =
            Reached { ids: Vec::new(), unsubscribed: Vec::new(), aliases: self.nobody };
        let body = notification.content.to_bytes();
        for (subscription_id, alias) in self.known {
            let id = random_uuid()
                .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "No randomness"))?;
            let deposit = Deposit {
                body: body.clone(),
                ttl: notification.ttl,
                topic: notification.topic.clone(),
            };
            match hub.deposit(&address(&subscription_id), id.clone(), deposit) {
                // A device that is full is no concern of the sender's: OneSignal accepted.
                Ok(()) | Err(NotStored::Full | NotStored::NoRoom) => reached.ids.push(id),
                Err(NotStored::Missing(_)) => match alias {
                    Some(alias) => {
                        reached.aliases.insert(alias);
                    }
                    None => reached.unsubscribed.push(subscription_id),
                },
            }
        }
        Ok(reached)
    }
}

impl Reached {
    /// What is said beside the id of a message that some did not get.
    pub(super) fn errors(&self) -> Option<Value> {
        if !self.unsubscribed.is_empty() {
            return Some(json!({ "invalid_player_ids": self.unsubscribed }));
        }
        self.invalid_aliases()
    }

    /// What is said of a message that nobody got.
    pub(super) fn nobody(&self) -> Value {
        self.invalid_aliases().unwrap_or_else(|| json!(["All included players are not subscribed"]))
    }

    fn invalid_aliases(&self) -> Option<Value> {
        let mut labels = BTreeMap::<_, Vec<_>>::new();
        for (label, id) in &self.aliases {
            labels.entry(label).or_default().push(id);
        }
        (!labels.is_empty()).then(|| json!({ "invalid_aliases": labels }))
    }
}

/// An array of texts, of which there is at least one and at most [`MAX_TARGETS`].
fn texts<'a>(value: &'a Value, name: &str) -> Result<Vec<&'a str>, Refused> {
    let texts = value
        .as_array()
        .and_then(|texts| texts.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let texts = texts
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| Refused::bad(format!("{name} must be an array of texts")))?;
    if texts.len() > MAX_TARGETS { Err(too_many(name)) } else { Ok(texts) }
}

fn too_many(name: &str) -> Refused {
    Refused::bad(format!("{name} may have at most {MAX_TARGETS} ids"))
}

/// Most subscriptions or aliases in one request (OpenAPI description 11.6).
const MAX_TARGETS: usize = 20_000;
