//! Arguments in, or an explanation of what is wrong with them that repeats none of them: a value
//! may be a secret that stands in the wrong place, so clap's own texts, which repeat it, are not
//! printed.

use std::error::Error as _;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::{Arguments, output};

/// Reads the command line and the environment, or says why not and with which code to end.
pub(crate) fn parse() -> Result<Arguments, ExitCode> {
    let raw: Vec<OsString> = std::env::args_os().collect();
    let parsed = strict(Arguments::command(), true)
        .try_get_matches_from(&raw)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let fact = match parsed {
        Ok(arguments) if is_misspelt(&arguments, &raw) => {
            let known = strict(Arguments::command(), false).try_get_matches_from(&raw);
            let fact = known.map_or_else(|error| fact(&error), |_| UNKNOWN.to_owned());
            format!("{fact}; a message that begins with hyphens and has no space goes behind `--`")
        }
        Ok(arguments) => return Ok(arguments),
        Err(error) if !error.use_stderr() => {
            // Help and version, which hold nothing of the arguments.
            return match output::print(error.render().to_string().as_bytes()) {
                Ok(()) => Err(ExitCode::SUCCESS),
                Err(_) => Err(ExitCode::FAILURE),
            };
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::complain(&error.render().to_string());
            return Err(ExitCode::from(USAGE));
        }
        Err(error) => fact(&error),
    };
    output::warn(&format!("{fact}; `sealpush{} --help` shows what there is", subcommands(&raw)));
    Err(ExitCode::from(USAGE))
}

/// What holds for every argument: a value may begin with a hyphen, as one key in 64 does, and help
/// shows no value of the environment. `text` says whether a message may begin so, too.
fn strict(command: clap::Command, text: bool) -> clap::Command {
    let mut command = command.mut_args(|argument| {
        let takes_value = argument.get_action().takes_values();
        let may_begin_so = takes_value && (text || !argument.is_positional());
        argument.allow_hyphen_values(may_begin_so).hide_env_values(true)
    });
    for subcommand in command.get_subcommands_mut() {
        *subcommand = strict(std::mem::take(subcommand), text);
    }
    command
}

/// Whether what was taken for a message looks like an option that does not exist.
fn is_misspelt(arguments: &Arguments, raw: &[OsString]) -> bool {
    let message = match &arguments.command {
        crate::Command::Seal(arguments) => arguments.message.as_deref(),
        crate::Command::Send(arguments) => arguments.payload.message.as_deref(),
        _ => None,
    };
    message.is_some_and(|message| message.starts_with("--") && !message.contains(' '))
        && !raw.iter().any(|argument| argument == "--")
}

/// What is wrong, in names of ours only.
fn fact(error: &clap::Error) -> String {
    let names = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name.clone()),
        Some(ContextValue::Strings(names)) if !names.is_empty() => Some(names.join(", ")),
        _ => None,
    };
    let argument = names(ContextKind::InvalidArg).unwrap_or_else(|| "an argument".to_owned());
    match error.kind() {
        ErrorKind::ArgumentConflict => match names(ContextKind::PriorArg) {
            Some(prior) if prior != argument => format!("{argument} cannot stand beside {prior}"),
            _ => format!("{argument} is given more than once"),
        },
        ErrorKind::InvalidSubcommand => {
            suggest("there is no such command", names(ContextKind::SuggestedSubcommand).as_deref())
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        ErrorKind::InvalidValue => {
            let is_empty = matches!(
                error.get(ContextKind::InvalidValue),
                Some(ContextValue::String(value)) if value.is_empty()
            );
            match names(ContextKind::ValidValue) {
                Some(values) if !is_empty => format!("{argument} is one of {values}"),
                _ => format!("{argument} needs a value"),
            }
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {argument}"),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::TooFewValues => format!("{argument} needs a value"),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("{argument} has a value too many")
        }
        // The name is the caller's text here.
        ErrorKind::UnknownArgument => suggest(UNKNOWN, names(ContextKind::SuggestedArg).as_deref()),
        // The parsers of this command say what they want, not what they got.
        ErrorKind::ValueValidation => match error.source() {
            Some(rule) => format!("{argument}: {rule}"),
            None => format!("{argument} has a value that it does not take"),
        },
        _ => "the arguments cannot be read".to_owned(),
    }
}

fn suggest(fact: &str, suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!("{fact}; is it {suggestion}?"),
        None => fact.to_owned(),
    }
}

/// The commands that were named, to point at their help.
fn subcommands(raw: &[OsString]) -> String {
    let mut command = Arguments::command();
    let mut path = String::new();
    for argument in raw.iter().skip(1) {
        let found = argument.to_str().and_then(|name| command.find_subcommand(name)).cloned();
        let Some(found) = found else { break };
        path.push(' ');
        path.push_str(found.get_name());
        command = found;
    }
    path
}

const UNKNOWN: &str = "an argument is not known, or there is one too many";
const USAGE: u8 = crate::failure::USAGE;
