//! `serve`.

use super::*;

#[tokio::test]
async fn the_push_service_runs_where_nobody_reads_its_warning() {
    let (reader, unread) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpush"))
        .args(["serve", "--listen", "0.0.0.0:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(unread)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap_or_default();
    assert!(line.starts_with("push service"), "{line:?}");
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_reason() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address], &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(output.stderr.contains(&address), "{}", output.stderr);
    assert!(output.stderr.contains("Address already in use"), "{}", output.stderr);
    for bad in ["8030", "localhost", "SECRET:1"] {
        let output = run(&["serve", "--listen", bad], &[], b"").await;
        assert_eq!((output.code, output.text()), (2, ""));
        assert!(output.stderr.contains("127.0.0.1:8030") && !output.stderr.contains("SECRET"));
    }
}
