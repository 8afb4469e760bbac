//! The command `sealpush`: keys, sealing, sending, receiving, and the embedded push service.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod body;
mod contact;
mod failure;
mod input;
mod keys;
mod listen;
mod output;
mod send;
mod serve;
mod usage;
mod vapid;

use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = match usage::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    if arguments.verbose {
        output::trace();
    }
    let outcome = match arguments.command {
        Command::Completions { shell } => completions(shell),
        Command::Contact { command } => contact::run(&command),
        Command::Keys { command: keys::Command::Generate(arguments) } => keys::generate(&arguments),
        Command::Listen(arguments) => listen::run(&arguments),
        Command::Open(arguments) => body::open(&arguments),
        Command::Seal(arguments) => body::seal(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Vapid { command } => vapid::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::warn(failure.message());
            ExitCode::from(failure.code())
        }
    }
}

#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// Say on standard error what is done; with fingerprints, never with addresses or keys
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write to somebody whose card you have, without an account and without a token
    Contact {
        #[command(subcommand)]
        command: contact::Command,
    },
    /// Make the keys of a user agent that is not a browser
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Subscribe at a push service and print what arrives
    Listen(listen::Arguments),
    /// Open a sealed body: body on standard input, plaintext on standard output
    Open(body::OpenArguments),
    /// Seal a message for a token without sending it
    Seal(body::SealArguments),
    /// Seal a message and send it, to one token or to many
    Send(Box<send::Arguments>),
    /// Run the embedded push service, for development
    Serve(serve::Arguments),
    /// Make, import or show the key that identifies the application server (RFC 8292)
    Vapid {
        #[command(subcommand)]
        command: vapid::Command,
    },
}

const EXAMPLES: &str = "\
Three terminals, a whole push system on this machine:
  sealpush serve
  sealpush listen --token-file token.json
  sealpush send 'The door is open' --token token.json --allow-loopback

To browsers and phones:
  sealpush vapid generate > .env            a key; put your contact into VAPID_SUBJECT
  set -a; . ./.env; set +a
  sealpush send 'Hello' < token.json        what the browser's PushSubscription.toJSON() gave
  sealpush send --title 'New mail' --url https://www.example.net/inbox --token token.json
  sealpush send 'Hello' --tokens tokens.ndjson

Without any push service:
  sealpush keys generate --token-file token.json > keys.json
  sealpush seal 'Hello' < token.json | sealpush open --keys keys.json

Exit codes:
  0  done; for `send`: the push service accepted the message
  1  anything else, such as an unreadable file or a body that does not open
  2  wrong arguments or settings; no request was made
  3  dead token: delete it
  4  bad token: it does not parse; no request was made
  5  refused: the message, our key, or the address; trying again does not help
  6  temporary failure: try again later
  7  `send --tokens`: not every token's push service accepted the message
  8  doubtful token: gone, or a proxy answered; delete it when it stays so for days";

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "sealpush", &mut script);
    output::print(&script)
}
