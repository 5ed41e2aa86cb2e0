//! `bfdd-control` against beacons that behave and beacons that do not: what it prints, and what counts as failed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use sidecar::control::client::{Failure, run};

/// A beacon that gives these replies, one a connection, and tells what it was asked.
fn beacon(replies: &'static [&'static str]) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        replies
            .iter()
            .map(|reply| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(&[0, 0]) {
                    let mut octet = [0];
                    stream.read_exact(&mut octet).unwrap();
                    asked.extend(octet);
                }
                stream.write_all(reply.as_bytes()).unwrap();
                assert_eq!(&asked[..4], [0xfe, 0xed, 0x19, 0x66]);
                let words = asked[4..asked.len() - 2].split(|octet| *octet == 0);
                words.map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join("|")
            })
            .collect()
    });
    (at, serving)
}

/// Runs `bfdd-control --control=AT WORDS`.
fn control(at: SocketAddr, words: &[&str]) -> (Result<(), Failure>, String) {
    let mut arguments = vec![format!("--control={at}")];
    arguments.extend(words.iter().map(|word| (*word).to_owned()));
    let mut printed = Vec::new();
    let done = run(arguments, &mut printed);
    (done, String::from_utf8(printed).unwrap())
}

#[test]
fn a_reply_is_printed_as_it_came_and_whatever_it_says_is_a_success() {
    let (at, asked) =
        beacon(&["There are 0 sessions:\n", "Unknown command <x>\n", "No session with id=7.\n"]);
    for (words, reply) in [
        (&["status"][..], "There are 0 sessions:\n"),
        (&["x"], "Unknown command <x>\n"),
        (&["status", "7"], "No session with id=7.\n"),
    ] {
        let (done, printed) = control(at, words);
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(printed, reply);
    }
    assert_eq!(asked.join().unwrap(), ["status", "x", "status|7"]);
}

#[test]
fn version_is_told_before_the_beacon_is_asked() {
    let (at, _asked) = beacon(&["bfdd-beacon v9\n"]);
    let ours = format!("bfdd-control v{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(control(at, &["version"]).1, format!("{ours}bfdd-beacon v9\n"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (done, printed) = control(nobody, &["version"]);
    assert_eq!(printed, ours);
    assert_eq!(
        done.unwrap_err().to_string(),
        format!("Error connecting to beacon on {nobody}: Connection refused")
    );
}

#[test]
fn no_reply_and_a_refusal_are_failures() {
    let (at, _asked) = beacon(&["", "Unable to complete request because the beacon is shutting down.\n"]);
    assert!(matches!(control(at, &["status"]).0, Err(Failure::Empty)));
    let (done, printed) = control(at, &["status"]);
    assert!(matches!(done, Err(Failure::Refused)));
    assert!(printed.starts_with("Unable to complete "), "{printed}");
}

#[test]
fn a_beacon_that_hangs_is_given_up_after_five_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // never accepts: the kernel takes the connection
    let started = Instant::now();
    let (done, _) = control(listener.local_addr().unwrap(), &["status"]);
    assert!(matches!(done, Err(Failure::Exchange(_))), "{done:?}");
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_script_is_sent_line_by_line_the_last_one_too() {
    let (at, asked) = beacon(&["Allowing connections from 10.0.0.1\n", "one\ntwo\n", "bye\n"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("script").display().to_string();
    std::fs::write(&file, "# not this\n\nallow \t 10.0.0.1\n  \nstatus 1\nstop").unwrap();
    let (done, printed) = control(at, &["load", &file]);
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(
        printed,
        format!(
            "Running script from file <{file}>\n Command <allow \t 10.0.0.1>\n   Allowing connections from 10.0.0.1\n \
             Command <status 1>\n   one\n   two\n Command <stop>\n   bye\nCompleted script from file <{file}>\n"
        )
    );
    assert_eq!(asked.join().unwrap(), ["allow|10.0.0.1", "status|1", "stop"]);
    let (done, _) = control(at, &["load", "/no/such/file"]);
    assert!(done.unwrap_err().to_string().starts_with("Failed to open file </no/such/file> : "));
}

#[test]
fn a_command_line_that_means_nothing_is_refused() {
    let refused = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        run(arguments, &mut Vec::new()).unwrap_err().to_string()
    };
    assert!(refused(&[]).starts_with("No command."));
    assert_eq!(refused(&["load"]), "Must supply a script file after 'load'");
    assert_eq!(refused(&["--verbose", "status"]), "Unrecognized bfdd-control command line option --verbose.");
    assert_eq!(
        refused(&["--altport", "--control=127.0.0.1:1", "status"]),
        "Only a single --altport or --control option is allowed."
    );
    assert_eq!(
        refused(&["--control=x:1", "status"]),
        "--control address <x:1> is not an IPv4 or IPv6 address."
    );
    assert_eq!(
        refused(&["--control=::1", "status"]),
        "--control address must have a port specified. The address <::1> does not contain a port."
    );
    assert_eq!(refused(&["status", &"x".repeat(1100)]), "Command too long. Not Sent.");
}
