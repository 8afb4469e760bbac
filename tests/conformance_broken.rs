//! The kit finds every flaw: providers that are right but for one thing, each seen in the wild.

#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod broken;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broken::addresses::*;
use broken::answers::*;
use broken::attempts::*;
use broken::credentials::*;
use broken::defaults::{ClientForEach, DefaultsHarness, Leaks};
use broken::harness::{Channels, given};
use broken::options::*;
use broken::outcomes::*;
use broken::requests::*;
use broken::resources::{
    encoded_anew, resources, without_dots, without_empty_segments, without_its_query,
};
use broken::secrets::*;
use broken::sound::{Conduct, LIFETIME, Sound};
use broken::timing::*;
use sealpush::conformance::{
    Credentials, Finding, Harness, Scenario, Verdict, amend, promises, run, run_one,
};

#[test]
fn the_provider_without_a_flaw_keeps_every_promise() {
    let report = run(Channels(|| Sound));
    assert!(report.is_ok(), "{report}");
}

/// With idempotency keys, which the other has not.
#[test]
fn the_provider_with_keys_keeps_every_promise() {
    let report = run(Channels(|| Keyed));
    assert!(report.is_ok(), "{report}");
}

/// Over real HTTP, check by check: a whole run waits for a provider without a deadline many times.
#[test]
fn an_http_client_with_its_defaults_is_found_out() {
    let verdict = |name| run_one(DefaultsHarness, name).unwrap().verdict;
    assert_eq!(verdict("sealed_octets_pass_unchanged"), Verdict::Passed);
    for name in OVER_HTTP {
        assert!(matches!(verdict(name), Verdict::Failed(_)), "{name}");
    }
}

const OVER_HTTP: &[&str] = &[
    "proxies_of_the_environment_are_not_used",
    "redirects_are_not_followed",
    "an_endless_body_does_no_harm",
    "a_hanging_push_service_is_given_up",
    "a_refused_connection_is_transport",
    "errors_of_the_network_show_no_secret",
];

/// Each within the time that its harness gives, however it goes on.
#[test]
fn what_does_not_stop_is_given_up() {
    fn gives_up<C: Conduct>(conduct: fn() -> C, why: &str) {
        let harness = amend(Channels(conduct)).with_patience(|_| Duration::from_secs(2));
        let started = Instant::now();
        let finding = run_one(harness, "rate_limiting_is_rate_limited").unwrap();
        let Verdict::Failed(saw) = &finding.verdict else { panic!("{finding}") };
        assert!(saw.starts_with("did not stop") && saw.contains(why), "{saw}");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
    gives_up(|| Spins, "it spins or blocks");
    gives_up(|| SleepsForEver, "it spins or blocks");
    gives_up(|| WakesItself, "it spins");
    gives_up(|| AsksForEver, "request after request");
}

/// A run of all checks ends too, and says what was not asked any more.
#[test]
fn a_run_of_what_does_not_stop_ends() {
    let harness = amend(Channels(|| SleepsForEver)).with_patience(|_| Duration::from_millis(1_500));
    let started = Instant::now();
    let report = run(harness.with_again(|_| None));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert!(!report.is_ok());
    assert!(report.to_string().contains("not asked, because too many checks did not stop"));
}

/// Check by check: a whole run takes a minute each.
#[test]
fn what_blocks_or_does_not_stop_is_found_out() {
    let saw = |finding: Option<Finding>| match finding.unwrap().verdict {
        Verdict::Failed(saw) => saw,
        verdict => panic!("{verdict:?}"),
    };
    assert!(saw(run_one(Channels(|| Blocks), "no_poll_blocks")).contains("one poll took"));
    assert!(saw(run_one(Channels(|| WaitsAtTheEnd), "no_poll_blocks")).contains("the end 2"));
    let asking = saw(run_one(Channels(|| AsksForEver), "rate_limiting_is_rate_limited"));
    assert!(asking.starts_with("did not stop: request after request"), "{asking}");
}

#[test]
fn connections_that_are_wasted_are_found_out() {
    let wasted = run_one(ClientForEach, "messages_in_a_row_share_a_connection").unwrap();
    assert!(matches!(wasted.verdict, Verdict::Failed(_)), "{wasted}");
    let left = run_one(Leaks, "no_connection_is_left_behind").unwrap();
    assert!(matches!(left.verdict, Verdict::Failed(_)), "{left}");
}

const CHECK_BY_CHECK: &[&str] =
    &["messages_in_a_row_share_a_connection", "no_connection_is_left_behind", "no_poll_blocks"];

/// A check that nothing breaks may be one that cannot fail.
#[test]
fn every_check_is_broken_by_a_flaw() {
    let broken: HashSet<_> = FLAWS
        .iter()
        .flat_map(|(_, breaks)| *breaks)
        .chain(OVER_HTTP)
        .chain(CHECK_BY_CHECK)
        .copied()
        .collect();
    let unbroken: Vec<_> =
        promises().map(|promise| promise.name).filter(|name| !broken.contains(name)).collect();
    assert!(unbroken.is_empty(), "no flaw breaks {unbroken:#?}");
    assert!(FLAWS.len() >= 150, "{} flaws", FLAWS.len());
}

/// One page in the docs with every promise, its reason, and the flaws by which it was broken.
#[test]
fn the_page_of_promises_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/promises.md");
    if std::env::var_os("SEALPUSH_WRITE").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let current = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert!(current == page(), "stale: run this test with SEALPUSH_WRITE=1");
}

fn page() -> String {
    let mut page = String::from(
        "What a provider promises, why, and the flawed providers of `tests/broken/` that were found \
         out by it.\n\nThe names are those of [`run_one`](crate::conformance::run_one). This page is \
         written by a test.\n",
    );
    let mut group = "";
    for promise in promises() {
        if promise.group != group {
            group = promise.group;
            page.push_str(&format!("\n# {group}\n\n"));
        }
        let by = FLAWS.iter().filter(|(_, breaks)| breaks.contains(&promise.name));
        let by: Vec<_> = by.map(|(flaw, _)| flaw.replace('_', " ")).take(3).collect();
        let by = match by.as_slice() {
            [] => "an http client or a thread that does not end".to_owned(),
            by => by.join("; "),
        };
        let (name, promised, reason) = (promise.name, promise.promise, promise.reason);
        page.push_str(&format!("* `{name}`: {promised}, because {reason}. *Broken by: {by}.*\n"));
    }
    page
}

/// The promises that a provider breaks are these and no others, in the order of a report.
///
/// A process of its own is started only for those that break what is asked there.
fn breaks_exactly<H: Harness>(harness: fn() -> H, promises: &[&str]) {
    let apart = promises.iter().any(|name| APART.contains(name));
    let report = match apart {
        true => run(harness()),
        false => run(amend(harness()).with_again(|_| None)),
    };
    let broken: Vec<_> = report.failures().map(|finding| finding.name).collect();
    assert_eq!(broken, promises, "{report}");
}

/// The promises that a provider breaks are these, among others that are not asked for.
fn breaks_among_others<H: Harness>(harness: fn() -> H, promises: &[&str]) {
    for name in promises {
        let finding = run_one(harness(), name).unwrap();
        let Verdict::Failed(saw) = &finding.verdict else { panic!("did not find it: {finding}") };
        // What is noticed by the way is found under another name.
        let by_the_way = saw.strip_suffix("`)").and_then(|saw| saw.rsplit_once("(`"));
        assert!(by_the_way.is_none_or(|(_, other)| other == *name), "{finding}");
    }
}

const APART: [&str; 2] = ["nothing_printed_shows_a_secret", "nothing_logged_shows_a_secret"];

macro_rules! flaws {
    (@breaks exactly) => { breaks_exactly };
    (@breaks among others) => { breaks_among_others };
    ($($name:ident: $harness:expr => $($how:ident)+ [$($promise:literal),* $(,)?];)+) => {
        /// The flaws, and the promises that each breaks.
        const FLAWS: &[(&str, &[&str])] = &[$((stringify!($name), &[$($promise),*])),+];

        $(
            #[test]
            fn $name() {
                flaws!(@breaks $($how)+)(|| $harness, &[$($promise),*]);
            }
        )+
    };
}

flaws! {
    every_4xx_is_dead: Channels(|| Every4xxIsDead) => exactly ["a_mismatch_is_a_mismatch", "a_forbidden_message_is_about_us", "a_rejection_is_permanent", "too_large_is_payload_too_large", "rate_limiting_is_rate_limited", "a_refused_credential_is_unauthorized", "a_4xx_without_its_reason_kills_no_token", "a_proxys_page_kills_no_token", "status_401_is_unauthorized", "status_403_is_about_us", "status_408_is_retryable", "status_413_is_payload_too_large", "status_429_is_rate_limited", "a_strange_retry_after_does_no_harm", "a_broken_body_changes_no_class", "a_deep_body_does_no_harm", "fields_that_are_no_text_do_no_harm", "an_unknown_status_is_an_error", "a_refused_credential_is_renewed_once", "the_same_message_goes_out_after_a_renewal", "a_credential_refused_twice_is_unauthorized", "a_renewed_credential_is_kept", "those_who_wait_share_one_renewal_after_a_refusal", "a_clock_before_1970_does_no_harm", "a_clock_in_the_far_future_does_no_harm", "a_cancelled_renewal_is_taken_over"];
    trouble_is_dead: Channels(|| TroubleIsDead) => among others ["trouble_is_unavailable", "no_5xx_kills_a_token"];
    mismatch_is_dead: Channels(|| MismatchIsDead) => exactly ["a_mismatch_is_a_mismatch"];
    delay_dropped_on_429: Channels(|| DelayDropped) => exactly ["retry_after_in_seconds_is_kept_on_429", "retry_after_as_a_date_is_kept_on_429"];
    delay_read_in_seconds_only: Channels(|| DelayInSecondsOnly) => exactly ["retry_after_as_a_date_is_kept_on_429", "retry_after_as_a_date_is_kept_on_5xx"];
    delay_added_to_the_clock: Channels(|| DelayOverflows) => exactly ["a_strange_retry_after_does_no_harm"];
    success_by_the_status_alone: Channels(|| SuccessByStatus) => among others ["success_with_an_error_in_it_is_an_error"];
    panic_without_json: Channels(|| PanicsWithoutJson) => exactly ["the_plaintext_never_leaves", "the_authentication_secret_never_leaves", "the_public_key_never_leaves", "a_refused_body_is_not_replaced", "nothing_happens_after_a_call", "errors_name_the_provider", "errors_carry_the_status", "a_failure_leaves_no_trace", "a_4xx_without_its_reason_kills_no_token", "a_proxys_page_kills_no_token", "a_4xx_is_not_retried", "a_4xx_has_a_known_outcome", "a_gateway_leaves_the_outcome_unknown", "status_401_is_unauthorized", "status_403_is_about_us", "status_408_is_retryable", "status_413_is_payload_too_large", "status_429_is_rate_limited", "retry_after_in_seconds_is_kept_on_429", "retry_after_as_a_date_is_kept_on_429", "retry_after_in_seconds_is_kept_on_5xx", "retry_after_as_a_date_is_kept_on_5xx", "a_strange_retry_after_does_no_harm", "every_5xx_is_unavailable", "no_5xx_kills_a_token", "redirects_are_not_followed", "a_redirect_is_permanent", "a_success_that_cannot_be_read_is_not_repeated", "a_strange_success_is_not_repeated", "a_broken_body_changes_no_class", "a_deep_body_does_no_harm", "an_endless_body_does_no_harm", "fields_that_are_no_text_do_no_harm", "an_unknown_status_is_an_error", "another_refusal_costs_no_credential", "a_provider_does_not_wait_by_itself", "a_clock_before_1970_does_no_harm", "a_clock_in_the_far_future_does_no_harm", "answers_are_not_mixed_up", "errors_of_refusals_show_no_secret", "errors_of_an_echo_show_no_secret", "errors_of_an_echo_in_fields_show_no_secret", "traces_of_failure_show_no_secret", "the_vendors_control_characters_stay_out", "an_error_is_short", "the_claims_do_not_change"];
    unreadable_success_is_retried: Channels(|| GarbageIsRetried) => among others ["a_success_that_cannot_be_read_is_not_repeated"];
    timeout_with_a_known_outcome: Channels(|| TimeoutIsKnown) => among others ["a_timeout_has_an_unknown_outcome", "a_reset_after_the_request_is_unknown"];
    audience_without_port: Channels(|| AudienceWithoutPort) => exactly ["a_credential_is_meant_for_this_push_service"];
    address_without_port: Channels(|| AddressWithoutPort) => exactly ["requests_go_to_the_push_service_only", "an_address_leads_to_no_other_host", "a_refused_connection_is_not_tried_again"];
    ttl_dropped: Channels(|| TtlDropped) => among others ["a_claimed_ttl_reaches_the_push_service", "a_longer_ttl_is_shortened_openly"];
    ttl_of_zero_is_unset: Channels(|| ZeroTtlIsUnset) => among others ["a_ttl_of_zero_reaches_the_push_service"];
    topic_dropped_silently: Channels(|| TopicDropped) => among others ["an_unclaimed_topic_is_refused"];
    body_truncated: Channels(|| BodyTruncated) => exactly ["the_largest_body_passes_unchanged", "every_padding_passes_unchanged", "options_change_no_octets"];
    body_as_text: Channels(|| BodyAsText) => exactly ["sealed_octets_pass_unchanged", "octets_of_every_value_pass_unchanged", "the_largest_body_passes_unchanged", "every_padding_passes_unchanged", "options_change_no_octets", "the_user_agent_opens_what_arrives", "a_refused_body_is_not_replaced", "a_repeated_message_carries_the_same_octets", "messages_are_not_merged", "many_tokens_in_a_row_reach_their_own_addresses", "many_tokens_at_once_reach_their_own_addresses", "many_tokens_reach_their_own_addresses_after_a_refusal", "one_message_reaches_two_tokens", "acceptances_are_not_mixed_up", "the_same_message_goes_out_after_a_renewal", "a_thousand_sends_arrive_once_each", "answers_are_not_mixed_up", "a_hanging_send_delays_no_other", "a_hundred_hanging_sends_delay_no_other", "options_of_messages_at_once_are_not_mixed"];
    visible_fallback: Channels(|| VisibleFallback) => among others ["a_refused_body_is_not_replaced", "one_call_is_one_request"];
    keys_travel: Channels(|| KeysTravel) => exactly ["the_authentication_secret_never_leaves", "the_public_key_never_leaves", "unknown_members_stay_here"];
    address_pasted_into_json: Channels(|| AddressPasted) => exactly ["an_address_without_members_is_refused", "an_address_of_the_wrong_type_is_refused", "an_empty_address_is_refused", "a_malformed_address_is_refused", "control_characters_in_an_address_reach_no_field", "quotes_in_an_address_add_no_member"];
    limit_unchecked: Channels(|| LimitUnchecked) => exactly ["a_body_over_the_limit_stays_here"];
    foreign_token_sent: Channels(|| ForeignTokenSent) => exactly ["a_token_of_another_provider_is_a_mismatch", "a_token_of_another_provider_goes_nowhere"];
    retry_inside: Channels(|| RetriesInside) => exactly ["one_call_is_one_request", "another_refusal_costs_no_credential"];
    broken_request_repeated: Channels(|| BrokenRequestRepeated) => exactly ["a_refused_connection_is_not_tried_again", "an_unknown_outcome_is_not_repeated"];
    redirect_followed: Channels(|| RedirectFollowed) => exactly ["redirects_are_not_followed", "fields_that_are_no_text_do_no_harm", "errors_of_an_echo_in_fields_show_no_secret"];
    wait_inside: Channels(|| WaitsInside) => among others ["a_provider_does_not_wait_by_itself"];
    credential_never_renewed: Channels(|| NeverRenewed(None.into())) => exactly ["an_expired_credential_is_renewed", "a_refused_credential_is_renewed_once", "those_who_wait_share_one_renewal_after_a_refusal", "a_cancelled_renewal_is_taken_over"];
    credential_for_each_message: Channels(|| MintsEachTime) => exactly ["a_credential_is_used_again", "a_credential_is_kept_for_a_while", "another_refusal_costs_no_credential", "a_renewed_credential_is_kept", "messages_in_parallel_share_a_credential", "those_who_wait_share_one_renewal_at_expiry", "those_who_wait_share_one_renewal_after_a_refusal"];
    credential_renewed_again_and_again: Channels(|| RenewsAgainAndAgain) => exactly ["a_credential_refused_twice_is_unauthorized"];
    lock_held_over_a_request: Channels(LockHeld::default) => exactly ["a_hanging_send_delays_no_other", "a_hundred_hanging_sends_delay_no_other"];
    busy_for_ever_after_a_cancelled_send: Channels(BusyForEver::default) => exactly ["many_tokens_at_once_reach_their_own_addresses", "many_tokens_reach_their_own_addresses_after_a_refusal", "acceptances_are_not_mixed_up", "messages_in_parallel_share_a_credential", "those_who_wait_share_one_renewal_at_expiry", "those_who_wait_share_one_renewal_after_a_refusal", "a_thousand_sends_arrive_once_each", "answers_are_not_mixed_up", "a_hanging_send_delays_no_other", "a_hundred_hanging_sends_delay_no_other", "options_of_messages_at_once_are_not_mixed", "a_cancelled_send_leaves_the_provider_usable", "a_cancelled_renewal_is_taken_over"];
    no_deadline: Channels(|| NoDeadline) => exactly ["nothing_happens_after_a_call", "errors_name_the_provider", "a_hanging_push_service_is_given_up", "a_timeout_has_an_unknown_outcome", "the_deadline_is_not_repeated", "the_provider_recovers_from_a_broken_connection", "errors_of_the_network_show_no_secret", "traces_of_failure_show_no_secret"];
    address_in_the_error: Channels(|| AddressInError) => exactly ["errors_of_refusals_show_no_secret", "errors_of_the_vendors_words_show_no_secret", "errors_of_an_echo_show_no_secret", "errors_of_an_echo_in_fields_show_no_secret"];
    address_in_the_source: Channels(|| AddressInSource) => exactly ["errors_of_the_network_show_no_secret"];
    answer_in_the_error: Channels(|| AnswerInError) => exactly ["an_endless_body_does_no_harm", "errors_of_an_echo_show_no_secret", "the_vendors_control_characters_stay_out", "an_error_is_short"];
    debug_derived: Channels(DerivedDebug::new) => exactly ["debug_of_the_provider_shows_no_secret"];
    credential_traced: Channels(|| CredentialTraced) => exactly ["errors_of_an_echo_in_fields_show_no_secret", "traces_of_success_show_no_secret", "traces_of_failure_show_no_secret", "nothing_logged_shows_a_secret"];
    token_traced_in_base64: Channels(|| TokenTracedInBase64) => among others ["traces_of_success_show_no_secret"];
    address_forgotten: Channels(|| AddressForgotten) => exactly ["a_very_long_address_does_no_harm", "two_tokens_reach_two_addresses"];
    address_kept: Channels(AddressKept::default) => exactly ["two_tokens_reach_two_addresses", "many_tokens_in_a_row_reach_their_own_addresses", "many_tokens_at_once_reach_their_own_addresses", "many_tokens_reach_their_own_addresses_after_a_refusal", "debug_of_the_provider_shows_no_secret"];
    address_shared: Channels(AddressShared::default) => exactly ["many_tokens_at_once_reach_their_own_addresses", "many_tokens_reach_their_own_addresses_after_a_refusal", "debug_of_the_provider_shows_no_secret"];
    address_of_the_last: Channels(AddressOfTheLast::default) => exactly ["many_tokens_reach_their_own_addresses_after_a_refusal", "debug_of_the_provider_shows_no_secret"];
    address_tidied: Channels(|| AddressTidied) => exactly ["an_address_arrives_octet_for_octet"];
    address_cut: Channels(|| AddressCut) => exactly ["a_very_long_address_does_no_harm"];
    path_pasted: Channels(|| PathPasted) => exactly ["quotes_in_an_address_add_no_member", "an_address_cannot_change_the_path"];
    url_taken: Channels(|| UrlTaken) => among others ["an_address_leads_to_no_other_host"];
    all_members_travel: Channels(|| AllMembersTravel) => exactly ["unknown_members_stay_here"];
    strange_members_refused: Channels(|| StrangeMembersRefused) => exactly ["unknown_members_do_no_harm", "unknown_members_stay_here"];
    repetition_dropped: Channels(RepetitionDropped::default) => exactly ["a_repeated_message_carries_the_same_octets", "two_tokens_reach_two_addresses", "many_tokens_reach_their_own_addresses_after_a_refusal", "one_message_reaches_two_tokens", "options_do_not_stick"];
    name_changes: Channels(NameChanges::default) => among others ["the_name_does_not_change"];
    only_status_200: Channels(|| OnlyStatus200) => exactly ["acceptance_is_acceptance", "acceptance_names_the_message", "a_success_that_cannot_be_read_is_not_repeated", "debug_of_acceptance_shows_no_secret"];
    forbidden_is_dead: Channels(|| ForbiddenIsDead) => exactly ["a_forbidden_message_is_about_us"];
    status_forgotten: Channels(|| StatusForgotten) => exactly ["errors_carry_the_status", "a_gateway_leaves_the_outcome_unknown"];
    id_cut: Channels(|| IdCut) => exactly ["acceptance_names_the_message", "acceptance_names_this_message", "acceptances_are_not_mixed_up"];
    id_kept: Channels(IdKept::default) => exactly ["acceptance_names_this_message", "acceptances_are_not_mixed_up"];
    id_shared: Channels(IdShared::default) => exactly ["acceptances_are_not_mixed_up"];
    words_in_the_page: Channels(|| WordsInThePage) => among others ["a_proxys_page_kills_no_token"];
    every_refusal_is_retried: Channels(|| EveryRefusalIsRetried) => exactly ["a_forbidden_message_is_about_us", "a_rejection_is_permanent", "a_4xx_is_not_retried", "a_redirect_is_permanent", "a_broken_body_changes_no_class", "a_deep_body_does_no_harm", "fields_that_are_no_text_do_no_harm"];
    redirect_is_retried: Channels(|| RedirectIsRetried) => exactly ["a_redirect_is_permanent"];
    every_outcome_unknown: Channels(|| EveryOutcomeUnknown) => exactly ["a_rejection_is_permanent", "a_4xx_has_a_known_outcome", "a_refusal_has_a_known_outcome"];
    gateway_is_known: Channels(|| GatewayIsKnown) => exactly ["errors_carry_the_status", "a_gateway_leaves_the_outcome_unknown"];
    other_success_is_retried: Channels(|| OtherSuccessIsRetried) => exactly ["a_strange_success_is_not_repeated"];
    field_unwrapped: Channels(|| FieldUnwrapped) => exactly ["fields_that_are_no_text_do_no_harm"];
    delay_on_429_only: Channels(|| DelayOn429Only) => exactly ["retry_after_in_seconds_is_kept_on_5xx", "retry_after_as_a_date_is_kept_on_5xx"];
    wrong_key_is_rejected: Channels(|| WrongKeyIsRejected) => among others ["a_refused_credential_is_unauthorized", "status_401_is_unauthorized"];
    field_in_the_cause: Channels(|| FieldInTheCause) => exactly ["errors_of_an_echo_in_fields_show_no_secret"];
    cookie_kept: Channels(CookieKept::default) => exactly ["an_answer_sets_nothing"];
    name_forgotten: Channels(|| NameForgotten) => exactly ["errors_name_the_provider"];
    accepted_by_another: Channels(|| AcceptedByAnother) => exactly ["acceptance_names_the_provider"];
    accepted_by_the_channel: Channels(|| AcceptedByTheChannel) => exactly ["acceptance_names_the_provider", "debug_of_acceptance_shows_no_secret"];
    unsigned: Channels(Unsigned::default) => among others ["every_request_is_signed"];
    credential_in_address: Channels(|| CredentialInAddress) => exactly ["a_credential_travels_in_no_address"];
    renewed_each_minute: Channels(RenewedEachMinute::default) => exactly ["a_credential_is_kept_for_a_while", "another_refusal_costs_no_credential"];
    secret_travels: Channels(|| SecretTravels) => exactly ["a_key_stays_here"];
    body_lost_on_renewal: Channels(|| BodyLostOnRenewal) => exactly ["the_same_message_goes_out_after_a_renewal"];
    gives_up_for_good: Channels(GivesUpForGood::default) => exactly ["a_failure_leaves_no_trace", "after_two_refusals_the_next_message_goes_through"];
    permission_renews: Channels(|| PermissionRenews) => exactly ["one_call_is_one_request", "a_mismatch_is_a_mismatch", "another_refusal_costs_no_credential"];
    mints_by_each_at_expiry: Channels(|| MintsByEachAtExpiry) => exactly ["those_who_wait_share_one_renewal_at_expiry"];
    mints_by_each_after_refusal: Channels(|| MintsByEachAfterRefusal) => exactly ["those_who_wait_share_one_renewal_after_a_refusal"];
    mint_refusal_is_retryable: Channels(|| MintRefusalIsRetryable) => exactly ["a_refused_mint_is_unauthorized"];
    mint_trouble_is_permanent: Channels(|| MintTroubleIsPermanent) => exactly ["trouble_at_the_mint_is_retryable", "a_lost_mint_has_a_known_outcome"];
    empty_credential_used: Channels(|| EmptyCredentialUsed) => exactly ["a_credential_is_meant_for_this_push_service", "trouble_at_the_mint_is_retryable", "garbage_from_the_mint_is_no_credential"];
    mint_outcome_unknown: Channels(|| MintOutcomeUnknown) => exactly ["a_lost_mint_has_a_known_outcome"];
    mint_redirect_followed: Channels(|| MintRedirectFollowed) => exactly ["every_request_is_signed", "redirects_of_the_mint_are_not_followed"];
    mint_answer_in_error: Channels(|| MintAnswerInError) => exactly ["errors_of_the_mint_show_no_secret"];
    ttl_halved: Channels(|| TtlHalved) => among others ["a_claimed_ttl_reaches_the_push_service"];
    ttl_of_a_minute_at_least: Channels(|| TtlOfAMinuteAtLeast) => among others ["no_ttl_is_lengthened_silently"];
    ttl_capped: Channels(|| TtlCapped) => among others ["a_longer_ttl_is_shortened_openly"];
    ttl_unclaimed: Channels(|| TtlUnclaimed) => among others ["an_unclaimed_ttl_is_refused"];
    urgency_unclaimed: Channels(|| UrgencyUnclaimed) => among others ["an_unclaimed_urgency_is_refused"];
    urgency_dropped: Channels(|| UrgencyDropped) => among others ["a_claimed_urgency_reaches_the_push_service"];
    urgency_turned: Channels(|| UrgencyTurned) => among others ["an_urgency_keeps_its_place"];
    topic_cut: Channels(|| TopicCut) => among others ["a_claimed_topic_reaches_the_push_service"];
    options_stick: Channels(OptionsStick::default) => exactly ["options_do_not_stick"];
    placeholder_escaped: Channels(|| PlaceholderEscaped) => exactly ["a_placeholder_arrives_as_it_is"];
    preview_travels: Channels(|| PreviewTravels) => exactly ["the_plaintext_never_leaves"];
    field_missing: Channels(|| FieldMissing) => exactly ["every_request_is_one_that_the_push_service_takes"];
    empty_dropped: Channels(|| EmptyDropped) => exactly ["a_push_without_a_body_is_sent_or_refused"];
    combination_refused: Channels(|| CombinationRefused) => exactly ["options_change_no_octets", "the_same_message_goes_out_after_a_renewal", "options_do_not_stick", "claims_hold_together"];
    topic_demanded: Channels(|| TopicDemanded) => among others ["a_plain_message_needs_none"];
    claims_learnt: Channels(ClaimsLearnt::default) => exactly ["the_claims_do_not_change"];
    claims_grow: Channels(ClaimsGrow::default) => exactly ["the_message_seals_within_the_limit", "the_claims_do_not_change"];
    claims_too_much: Channels(|| ClaimsTooMuch) => exactly ["the_largest_body_can_be_made"];
    option_shared: Channels(OptionShared::default) => exactly ["options_of_messages_at_once_are_not_mixed"];
    token_in_error: Channels(|| TokenInError) => among others ["errors_before_the_network_show_no_secret"];
    key_drawn: Channels(|| KeyDrawn) => exactly ["a_repeated_message_has_the_same_key"];
    key_of_the_address: Channels(|| KeyOfTheAddress) => exactly ["two_messages_have_two_keys"];
    impatient: Channels(|| Impatient) => exactly ["a_slow_answer_is_awaited"];
    polite: Channels(|| Polite) => exactly ["nothing_waits_for_itself"];
    epoch_unwrapped: Channels(|| EpochUnwrapped) => exactly ["a_clock_before_1970_does_no_harm"];
    year_in_four_digits: Channels(|| YearInFourDigits) => among others ["a_clock_in_the_far_future_does_no_harm"];
    time_only_grows: Channels(TimeOnlyGrows::default) => among others ["a_clock_that_goes_back_does_no_harm"];
    few_slots: Channels(|| FewSlots(tokio::sync::Semaphore::new(10))) => exactly ["a_hundred_hanging_sends_delay_no_other"];
    spawned: Channels(|| Spawned) => among others ["a_send_dropped_before_its_request_sends_nothing"];
    retries_behind_the_back: Channels(|| RetriesBehindTheBack) => exactly ["nothing_happens_after_a_call"];
    resends_on_drop: Channels(|| ResendsOnDrop) => exactly ["a_cancelled_send_sends_once_at_most", "a_send_dropped_before_its_request_sends_nothing"];
    broken_for_good: Channels(BrokenForGood::default) => exactly ["many_tokens_reach_their_own_addresses_after_a_refusal", "a_failure_leaves_no_trace", "another_refusal_costs_no_credential"];
    dead_connection_kept: Channels(DeadConnectionKept::default) => exactly ["a_failure_leaves_no_trace", "the_provider_recovers_from_a_broken_connection"];
    tried_in_clear: Channels(|| TriedInClear) => among others ["a_refused_connection_is_not_tried_again"];
    no_connection_is_permanent: Channels(|| NoConnectionIsPermanent) => exactly ["a_refused_connection_is_transport"];
    reset_is_permanent: Channels(|| ResetIsPermanent) => exactly ["a_reset_is_retryable_and_kills_no_token"];
    blocked_is_transport: Channels(|| BlockedIsTransport) => exactly ["a_blocked_address_stays_blocked"];
    timeout_is_unavailable: Channels(|| TimeoutIsUnavailable) => among others ["a_hanging_push_service_is_given_up"];
    address_printed: Channels(|| AddressPrinted) => exactly ["nothing_printed_shows_a_secret"];
    credential_printed_on_failure: Channels(|| CredentialPrintedOnFailure) => exactly ["nothing_printed_shows_a_secret"];
    secret_printed_at_the_end: Channels(|| SecretPrintedAtTheEnd) => exactly ["nothing_printed_shows_a_secret"];
    refused_secret_printed: Channels(|| RefusedSecretPrinted) => exactly ["nothing_printed_shows_a_secret"];
    ttl_lost_beside_a_topic: Channels(|| TtlLostBesideATopic) => among others ["claims_hold_together"];
    urgency_lost_beside_a_ttl: Channels(|| UrgencyLostBesideATtl) => among others ["claims_hold_together"];
    topic_lost_when_urgent: Channels(|| TopicLostWhenUrgent) => among others ["claims_hold_together"];
    address_trimmed: Channels(|| AddressTrimmed) => among others ["an_address_arrives_octet_for_octet"];
    credential_logged: Channels(|| CredentialLogged) => exactly ["nothing_logged_shows_a_secret"];
    address_traced_by_a_thread: Channels(|| AddressTracedByAThread) => exactly ["nothing_logged_shows_a_secret"];
    ttl_in_whole_minutes: Channels(|| TtlInWholeMinutes) => among others ["a_claimed_ttl_reaches_the_push_service", "no_ttl_is_lengthened_silently"];
    ttl_less_a_second: Channels(|| TtlLessASecond) => among others ["a_claimed_ttl_reaches_the_push_service"];
    very_low_is_low: Channels(|| VeryLowIsLow) => exactly ["an_urgency_keeps_its_place"];
    topic_with_ttl_only: Channels(|| TopicWithTtlOnly) => exactly ["a_claimed_topic_reaches_the_push_service", "claims_hold_together"];
    claims_by_the_clock: Channels(ClaimsByTheClock::default) => exactly ["the_claims_do_not_change"];
    twice_when_urgent: Channels(|| TwiceWhenUrgent) => exactly ["options_change_no_octets", "the_same_message_goes_out_after_a_renewal"];
    cut_for_the_topic: Channels(|| CutForTheTopic) => exactly ["options_change_no_octets"];
    date_from_the_epoch: Channels(|| DateFromTheEpoch) => exactly ["retry_after_as_a_date_is_kept_on_429", "retry_after_as_a_date_is_kept_on_5xx"];
    delay_in_milliseconds: Channels(|| DelayInMilliseconds) => exactly ["retry_after_in_seconds_is_kept_on_429", "retry_after_as_a_date_is_kept_on_429", "retry_after_in_seconds_is_kept_on_5xx", "retry_after_as_a_date_is_kept_on_5xx"];
    delay_of_ten_minutes_at_most: Channels(|| DelayOfTenMinutesAtMost) => exactly ["retry_after_in_seconds_is_kept_on_429", "retry_after_as_a_date_is_kept_on_429", "retry_after_in_seconds_is_kept_on_5xx", "retry_after_as_a_date_is_kept_on_5xx"];
    delay_as_a_float: Channels(|| DelayAsAFloat) => exactly ["a_strange_retry_after_does_no_harm"];
    delay_makes_retryable: Channels(|| DelayMakesRetryable) => exactly ["a_4xx_is_not_retried"];
    panics_without_a_body: Channels(|| PanicsWithoutABody) => among others ["a_broken_body_changes_no_class", "a_strange_success_is_not_repeated"];
    multiple_choices_followed: Channels(|| MultipleChoicesFollowed) => exactly ["redirects_are_not_followed"];
    name_of_the_request: Channels(|| NameOfTheRequest) => among others ["acceptance_names_the_message"];
    part_is_the_whole: Channels(|| PartIsTheWhole) => exactly ["a_strange_success_is_not_repeated"];
    renews_for_good: Channels(RenewsForGood::default) => among others ["a_renewed_credential_is_kept"];
    options_lost_on_renewal: Channels(|| OptionsLostOnRenewal) => exactly ["the_same_message_goes_out_after_a_renewal"];
    expiry_by_another_clock: Channels(ExpiryByAnotherClock::default) => among others ["an_expired_credential_is_renewed"];
    address_by_its_beginning: Channels(AddressByItsBeginning::default) => among others ["many_tokens_in_a_row_reach_their_own_addresses"];
    ring_of_16_addresses: Channels(|| RingOfAddresses::new(16)) => among others ["many_tokens_at_once_reach_their_own_addresses"];
    ring_of_256_addresses: Channels(|| RingOfAddresses::new(256)) => exactly ["many_tokens_at_once_reach_their_own_addresses"];
    end_of_another: Channels(EndOfAnother::default) => among others ["many_tokens_reach_their_own_addresses_after_a_refusal"];
    resource_encoded_anew: resources(encoded_anew) => exactly ["an_address_arrives_octet_for_octet"];
    resource_without_its_query: resources(without_its_query) => among others ["an_address_arrives_octet_for_octet"];
    resource_without_empty_segments: resources(without_empty_segments) => exactly ["an_address_arrives_octet_for_octet"];
    resource_without_dots: resources(without_dots) => exactly ["an_address_arrives_octet_for_octet"];
    harness_without_its_credential: amend(Channels(|| Sound)).with_credentials(|_| Credentials::Absent) => exactly ["the_harness_knows_the_credential"];
    harness_with_a_given_credential: amend(Channels(|| Sound)).with_credentials(|_| Credentials::Static) => exactly ["the_harness_knows_the_credential", "a_given_credential_is_not_tried_twice"];
    harness_with_one_address: amend(Channels(|| Sound)).with_token(|channels, vendor, _, keys| {
            channels.token(vendor, "one5address8for2all", keys)
        }) => exactly ["the_harness_makes_an_address_for_each_name", "two_tokens_reach_two_addresses"];
    harness_without_a_body: amend(Channels(|| Sound)).with_body(|_, _| None) => among others ["the_harness_sees_what_arrives"];
    harness_with_one_answer_for_two_things: amend(Channels(|| Sound)).with_answers(|channels, scenario| match scenario {
            Scenario::Rejected => channels.answers(Scenario::Mismatch),
            scenario => channels.answers(scenario),
        }) => exactly ["the_harness_tells_answers_apart"];
    harness_with_an_age_beyond_the_lifetime: amend(Channels(|| Sound)).with_least_age(|_| 2 * LIFETIME) => exactly ["the_harness_knows_its_ages", "a_credential_is_kept_for_a_while", "a_young_credential_is_not_renewed", "another_refusal_costs_no_credential"];
    renewed_before_its_least_age: amend(Channels(|| Sound)).with_least_age(|_| LIFETIME / 3) => exactly ["a_young_credential_is_not_renewed"];
    dead_status_unread: amend(Channels(|| Sound)).with_dead_statuses(|_| &[410]) => exactly ["a_dead_status_is_expired"];
    given_credential_tried_twice: given(|| TriedTwice) => exactly ["a_given_credential_is_not_tried_twice"];
    gone_is_rejected: Channels(|| GoneIsRejected) => among others ["a_dead_token_is_expired"];
    sent_before_it_is_polled: amend(Channels(|| Sound)).with_provider(|channels, vendor| {
            Arc::new(Eager(channels.provider(vendor)))
        }) => among others ["a_send_that_is_never_polled_does_nothing"];
}
