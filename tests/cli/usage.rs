//! What the command says about itself and about wrong arguments.

use std::collections::BTreeMap;

use super::*;

const COMMANDS: [&[&str]; 11] = [
    &[],
    &["completions"],
    &["keys", "generate"],
    &["listen"],
    &["open"],
    &["seal"],
    &["send"],
    &["serve"],
    &["vapid", "generate"],
    &["vapid", "import"],
    &["vapid", "public"],
];

async fn help(command: &[&str]) -> String {
    let output = run(&[command, &["--help"]].concat(), &[], b"").await;
    assert_eq!((output.code, &*output.stderr), (0, ""), "{command:?}");
    output.text().to_owned()
}

/// The options of a command that take a value, with their variable where they have one.
async fn options(command: &[&str]) -> BTreeMap<String, Option<String>> {
    let help = help(command).await.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut options = BTreeMap::new();
    let starts: Vec<_> = help.match_indices(" --").map(|(start, _)| start).collect();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(help.len());
        let text = &help[start + 1..end];
        let Some((name, rest)) = text.split_once(" <") else { continue };
        if !name.trim_start_matches('-').bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
            continue;
        }
        let variable = rest.split_once("[env: ").and_then(|(_, rest)| rest.split_once(']'));
        options.insert(name.to_owned(), variable.map(|(variable, _)| variable.trim().to_owned()));
    }
    options
}

#[tokio::test]
async fn help_teaches_and_shows_nothing_of_the_environment() {
    for command in COMMANDS {
        let plain = help(command).await;
        assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
        let options = options(command).await;
        let environment: Vec<_> =
            options.values().flatten().map(|variable| (variable.as_str(), "SECRET")).collect();
        let output = run(&[command, &["--help"]].concat(), &environment, b"").await;
        assert_eq!(output.text(), plain, "{command:?}");
    }
    let top = help(&[]).await;
    for code in 0..=8 {
        assert!(top.contains(&format!("\n  {code}  ")), "exit code {code} is not documented");
    }
    assert!(help(&["send"]).await.contains("103 (an empty message) to 4096"));
}

/// A PEM, a JSON object and a key, each in place of every value: nothing of it comes back.
#[tokio::test]
async fn no_value_is_repeated_wherever_it_stands() {
    let values = [
        "-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n",
        r#"{"type":"service_account","private_key":"SECRETSECRET"}"#,
        "-SECRETSECRETSECRETSECRETSECRETSECRETSECRET",
    ];
    let directory = Directory::new();
    // One of each provider, so that every one of them is made from what is given.
    let keys = sealpush::UserAgentSecret::generate().unwrap();
    let tokens = [
        json!({ "endpoint": "https://10.0.0.1/p" }),
        json!({ "provider": "apns", "device_token": "0a1b" }),
        json!({ "provider": "fcm", "token": "a" }),
        json!({ "provider": "onesignal", "subscription_id": "1dad4a3e-0000-4000-8000-0123456789ab" }),
    ];
    let tokens = tokens.map(|mut token| {
        token["keys"] = json!(keys.keys());
        token.to_string()
    });
    let tokens = tokens.join("\n");
    let mut tried = 0;
    for command in &COMMANDS[1..] {
        let options = options(command).await;
        for value in values {
            let mut cases = vec![(vec![value.to_owned(), value.to_owned()], None)];
            for (option, variable) in &options {
                cases.push((vec![option.clone(), value.to_owned()], None));
                if value.starts_with('-') && !value.contains(' ') {
                    cases.push((vec![format!("{option}={value}")], None));
                }
                if let Some(variable) = variable {
                    cases.push((Vec::new(), Some(variable.as_str())));
                }
            }
            cases.push((vec![format!("--unknown={value}")], None));
            for (arguments, variable) in cases {
                let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
                // Those that would go on for ever if the value were good.
                match *command {
                    ["listen"] => arguments.extend(["--count", "0"]),
                    ["serve"] => arguments.push("--nonsense"),
                    ["send"] => arguments.extend(["--tokens", "-"]),
                    _ => {}
                }
                let arguments = [*command, &arguments].concat();
                let environment: Vec<_> = variable.map(|name| (name, value)).into_iter().collect();
                let mut process = super::command(&arguments, &environment);
                process.current_dir(&directory.0);
                let output = finish(process, tokens.as_bytes()).await;
                let shown =
                    format!("{} {}", output.stderr, String::from_utf8_lossy(&output.stdout));
                assert!(!shown.contains("SECRET"), "{arguments:?} {environment:?}: {shown}");
                assert!(!shown.contains("panicked"), "{arguments:?} {environment:?}: {shown}");
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
    for value in values {
        let output = run(&[value], &[], b"").await;
        assert_eq!(output.code, 2);
        assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn wrong_arguments_are_explained_in_the_words_of_the_help() {
    for (arguments, fact) in [
        (&["sned"][..], "is it send?"),
        (&["send", "--titel", "x", "y"], "sealpush send --help"),
        (&["send", "--tokne=x"], "--token"),
        (&["send", "--ttl"], "--ttl <SECONDS> needs a value"),
        (&["send", "--padding", "10"], "103 to 4096"),
        (&["send", "--title", "x"], "missing: --url"),
        (&["send", "--json", "--json"], "given more than once"),
        (&["send", "x", "--title", "x", "--url", "/"], "cannot stand beside"),
        (&["open"], "missing: --keys <FILE>"),
        (&["completions", "cmd"], "bash, elvish, fish, powershell, zsh"),
        (&["listen", "--count", "many"], "--count <N>: give a number of messages"),
        (&["open", "--keys", "{}"], "the name of a file is expected, not its content"),
    ] {
        let output = run(arguments, &[], b"").await;
        assert_eq!((output.code, output.text()), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains(fact), "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    }
}

#[tokio::test]
async fn every_shell_has_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell], &[], b"").await;
        assert_eq!(output.code, 0);
        assert!(output.text().contains("token-file"), "{shell}");
    }
}

/// The lines of the help's examples, without the explanations behind them.
async fn examples(command: &[&str]) -> Vec<String> {
    let help = help(command).await;
    let lines =
        help.lines().filter(|line| line.starts_with("  sealpush ") || line.starts_with("  set -a"));
    lines.map(|line| line.trim().split("   ").next().unwrap().to_owned()).collect()
}

/// Runs a line as it stands in the help.
fn shell(line: &str, directory: &Directory, environment: &[(&str, &str)]) -> Command {
    let binaries = Path::new(BINARY).parent().unwrap().to_str().unwrap();
    let path = format!("{binaries}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(&directory.0)
        .env_clear()
        .env("PATH", path)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_examples_of_the_help_work_as_they_stand() {
    let examples = [examples(&[]).await, examples(&["send"]).await, examples(&["seal"]).await];
    let [demonstration, rest @ ..] = &examples;
    // The first three are the demonstration, which has a test of its own.
    let lines: Vec<_> =
        demonstration[3..].iter().chain(rest.iter().flatten()).map(String::as_str).collect();
    assert!(lines.len() >= 11, "{lines:?}");

    let (service, mut user_agent, _) = subscribed().await;
    let directory = Directory::new();
    let mut environment = vec![("PUSH_ALLOW_HOST", service.origin()), ("VAPID_SUBJECT", SUBJECT)];
    let generated = finish(shell(lines[0], &directory, &environment), b"").await;
    assert_eq!(generated.code, 0, "{}", generated.stderr);
    let settings = std::fs::read_to_string(directory.path(".env")).unwrap();
    for line in settings.lines() {
        environment.push(line.split_once('=').unwrap());
    }
    let public = environment.iter().find(|(name, _)| *name == "VAPID_PUBLIC_KEY").unwrap().1;
    let token = user_agent.subscribe(Some(public)).await.unwrap().token().to_json();
    directory.file("tokens.ndjson", format!("{token}\n{token}\n"));
    directory.file("news.txt", "the news");
    // What `keys generate` wrote over it.
    let mut own_token = String::new();
    for line in &lines[1..] {
        let is_sent = line.contains("sealpush send");
        directory.file("token.json", if is_sent { &token } else { &own_token });
        let output = finish(shell(line, &directory, &environment), b"").await;
        assert_eq!(output.code, 0, "{line}: {}", output.stderr);
        if line.contains("| sealpush open") {
            assert_eq!(output.text(), "Hello", "{line}");
        } else if line.contains("keys generate") {
            own_token = std::fs::read_to_string(directory.path("token.json")).unwrap();
        }
    }
}

/// Three terminals: `serve`, `listen` and `send`, as the help shows them.
#[tokio::test]
async fn the_demonstration_works_as_it_stands() {
    let lines = examples(&[]).await;
    let [serve, listen, send, ..] = lines.as_slice() else { panic!("{lines:?}") };
    for (command, default) in [("serve", "127.0.0.1:8030"), ("listen", "ws://127.0.0.1:8030/")] {
        let help = help(&[command]).await.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&format!("[default: {default}]")), "{help}");
    }
    // Another port than the default, which somebody else may be using.
    let directory = Directory::new();
    let any = [("PUSH_LISTEN", "127.0.0.1:0")];
    let mut service = Running::start(shell(&format!("exec {serve}"), &directory, &any));
    service.line().await;
    let websocket = service.line().await.split_whitespace().last().unwrap().to_owned();

    let there = [("PUSH_SERVICE", websocket.as_str())];
    let mut listener = Running::start(shell(&format!("exec {listen}"), &directory, &there));
    // From here on its token is in the file.
    let mut told = BufReader::new(listener.child.stderr.take().unwrap()).lines();
    assert!(told.next_line().await.unwrap().unwrap().contains("subscribed"));
    let output = finish(shell(send, &directory, &[]), b"").await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(listener.line().await, "The door is open");
}
