//! What can happen to PostgreSQL's log on its way into the archive, and there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use taskward_testkit::disk::Disk;

use super::damage::DAMAGES;
use super::log_world;
use super::world::{World, contents};
use crate::support::{run, until};

#[test]
fn a_receiver_that_is_killed_and_one_that_is_left_behind() {
    let mut world = log_world::streaming(&[]);
    world.backup("");
    let receiver = receiver(&world);
    let created = log_world::create_while(&world, || {
        let before = log_world::archived(&world);
        until("segments", || log_world::archived(&world) > before);
        kill(receiver);
        until("another receives", || try_receiver(&world).is_some_and(|pid| pid != receiver));
    });
    // Killed itself, the service leaves its receiver behind; the next one ends that.
    let left = self::receiver(&world);
    world.server.crash();
    world.server.restart();
    until("the service receives itself", || try_receiver(&world).is_some_and(|pid| pid != left));
    log_world::until_all_is_archived(&world);
    let points = world.json("restore list-points");
    assert_eq!((&points["gaps"], &points["damaged"]), (&json!([]), &json!([])));
    let end = log_world::time(&points["windows"][0]["to"]);
    log_world::restored_to(&world, end, &created);
}

#[test]
fn an_archive_whose_disk_is_full_goes_on_when_there_is_room() {
    let disk = Disk::mount(64);
    let backups = disk.path().join("backups").display().to_string();
    let world = log_world::streaming(&[("TASKWARD__BACKUP__DIR", &backups)]);
    world.backup("");
    log_world::until_all_is_archived(&world);
    disk.fill();
    let log = || fs::read_to_string(world.server.path("serve.log")).expect("a log");
    let created = log_world::create_while(&world, || {
        until("it is told", || log().contains("log is not archived"));
        until("it is behind", || world.lag() > 1.0);
    });
    assert!(created.len() > 1, "tasks go on");
    disk.free();
    log_world::until_all_is_archived(&world);
    until("nothing is behind", || world.lag() < 1.0);
    let points = world.json("restore list-points");
    assert_eq!((&points["gaps"], &points["damaged"]), (&json!([]), &json!([])), "the server has kept it");
    let end = log_world::time(&points["windows"][0]["to"]);
    log_world::restored_to(&world, end, &created);
}

#[test]
fn a_slot_is_bounded_and_replaced_when_it_was_given_up() {
    let mut world = log_world::streaming_with("2MB", &[]);
    let first = world.backup("");
    world.server.enqueue(&[]);
    log_world::until_all_is_archived(&world);
    world.cli("drill restore --latest", 0);
    let checked = world.cli("backup check", 0).stdout;
    for id in ["log_archived", "log_slot", "log_held", "log_bounded"] {
        assert!(checked.contains(id), "{checked}");
    }
    world.server.stop();
    world.cli("backup stream --help", 0);
    let postgres = world.postgres.as_ref().expect("a server");
    let receives = || postgres.execute("postgres", "SELECT active FROM pg_replication_slots").trim() == "t";
    until("nobody receives", || !receives());
    postgres.execute(
        "postgres",
        "CREATE TABLE filler AS SELECT gen_random_uuid() FROM generate_series(1, 200000)",
    );
    postgres.execute("postgres", "CHECKPOINT");
    let status = postgres.execute("postgres", "SELECT wal_status FROM pg_replication_slots");
    assert_eq!(status.trim(), "lost", "the server does not keep more than it may");
    let checked = world.cli("backup check", 3);
    assert!(checked.stdout.contains("the log has a gap"), "{}", checked.stdout);
    // The way back: whoever receives replaces the slot, and a new window begins with the next backup.
    world.server.restart();
    let told = || fs::read_to_string(world.server.path("serve.log")).expect("a log");
    until("it is told", || told().contains("had given up the replication slot taskward"));
    world.server.enqueue(&[]);
    until("the log goes on", || {
        let checked = run(&mut world.command("backup check"));
        checked.stdout.contains("is received from the slot") && checked.stdout.contains("nothing after")
    });
    world.cli("backup check", 3);
    let second = world.backup("");
    let checked = run(&mut world.command("backup check"));
    assert_ne!(checked.code, Some(3), "what has not been archived yet is not lost: {}", checked.stdout);
    log_world::until_all_is_archived(&world);
    world.cli("backup check", 0);
    let points = world.json("restore list-points");
    assert_eq!(points["windows"][0]["bases"][0]["backup"], json!(second));
    assert_eq!(points["windows"][1]["bases"][0]["backup"], json!(first));
    assert!(points["gaps"][0]["why"].as_str().is_some_and(|why| why.contains("is missing")), "{points}");
    world.cli(&format!("backup verify {second}"), 0);
    // The old window goes with its backup.
    let pruned = world.json("backup prune --yes");
    assert_eq!(pruned["last_good"], json!(second));
}

#[test]
fn each_kind_of_file_in_each_way() {
    let mut world = log_world::streaming(&[]);
    let id = world.backup("");
    log_world::until_all_is_archived(&world);
    log_world::create_while(&world, || {
        // Counted from the backup on: what came before it is not looked at.
        let verify = format!("backup verify {id}");
        until("segments", || world.json(&verify)["log_files"].as_u64() >= Some(4));
    });
    log_world::until_all_is_archived(&world);
    let points = world.json("restore list-points");
    let to = points["windows"][0]["to"].as_str().expect("a time").to_owned();
    world.server.stop();
    let dir = world.backups().join("wal/postgres");
    let sound = contents(&dir);
    let is = |path: &Path, what: &str| path.to_string_lossy().ends_with(what);
    // Those that are needed from the backup on: not the first, which came before it.
    let segments: Vec<&PathBuf> = sound.keys().filter(|path| is(path, ".gz")).collect();
    let (one, other) = (segments[segments.len() - 2], segments[segments.len() - 1]);
    let received = sound.keys().find(|path| is(path, ".partial")).expect("the last segment");
    let end = sound.keys().find(|path| is(path, "end.json")).expect("the end");
    let mut tried = 0;
    for path in [one, received, end] {
        for (what, damage) in DAMAGES {
            if path == received && what == "with another byte" {
                flip(path, end);
            } else {
                damage(path);
            }
            refused(&world, (&id, &to), path, what);
            tried += 1;
            fs::write(path, &sound[path]).expect("repaired");
        }
    }
    fs::write(one, &sound[other]).expect("swapped");
    fs::write(other, &sound[one]).expect("swapped");
    refused(&world, (&id, &to), one, "swapped");
    for path in [one, other] {
        fs::write(path, &sound[path]).expect("repaired");
    }
    println!("{} damages, each named by three commands", tried + 1);
    world.cli(&format!("backup verify {id}"), 0);
    world.cli(&format!("drill restore --to {to}"), 0);
}

/// Changes a byte of what was received. The rest of the segment is empty, and nobody reads it.
fn flip(received: &Path, end: &Path) {
    let end: serde_json::Value =
        serde_json::from_slice(&fs::read(end).expect("read")).expect("how far the log reaches");
    let bytes = usize::try_from(end["bytes"].as_u64().expect("a number")).expect("small");
    let mut content = fs::read(received).expect("read");
    content[bytes / 2] ^= 1;
    fs::write(received, content).expect("written");
}

/// Every command that uses the log refuses it, and says which file is why.
fn refused(world: &World, (id, to): (&str, &str), path: &Path, what: &str) {
    let name = path.file_name().expect("a name").to_string_lossy();
    // The segment that was being received is looked for by its name as a whole.
    let name = name.trim_end_matches(".partial").to_owned();
    let room = log_world::room();
    let target = room.path().join("restored");
    for words in [
        format!("backup verify {id}"),
        format!("restore pitr --to {to} --target {} --yes", target.display()),
        format!("drill restore --to {to}"),
    ] {
        let ended = run(&mut world.command(&words));
        assert!(matches!(ended.code, Some(3 | 6)), "{name} {what}: {words}: {ended:?}");
        assert!(ended.stderr.contains(&name), "{name} {what}: {words}: {}", ended.stderr);
        assert!(!target.exists());
    }
}

#[test]
fn what_postgresql_hands_over_is_never_overwritten() {
    let (world, _room) = log_world::handing_over();
    world.backup("");
    let dir = world.backups().join("wal/postgres");
    until("a segment", || log_world::archived(&world) > 0);
    let archived = fs::read_dir(&dir)
        .expect("a directory")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = archived
        .filter_map(|name| name.strip_suffix(".gz").map(ToOwned::to_owned))
        .find(|name| name.len() == 24);
    let name = name.expect("a segment");
    let file = world.path(&name);
    let shown = file.display().to_string();
    world.cli(&format!("backup fetch-wal {name} {shown}"), 0);
    world.cli(&format!("backup archive-wal {shown}"), 0);
    let before = fs::read(dir.join(format!("{name}.gz"))).expect("read");
    let mut content = fs::read(&file).expect("read");
    let end = content.len() - 1;
    content[end] ^= 1;
    fs::write(&file, &content).expect("written");
    assert!(world.cli(&format!("backup archive-wal {shown}"), 5).stderr.contains("[log_differs]"));
    assert_eq!(fs::read(dir.join(format!("{name}.gz"))).expect("read"), before, "nothing was overwritten");
    for (words, code) in [
        (format!("backup archive-wal {}", world.path("other").display()), 2),
        (format!("backup archive-wal {}", world.path("0000000100000000000000AA").display()), 6),
        (format!("backup fetch-wal 0000000100000000000000AA {shown}"), 6),
        (format!("backup fetch-wal ../{name} {shown}"), 2),
    ] {
        world.cli(&words, code);
    }
}

/// The process that receives the log into the world's archive.
fn try_receiver(world: &World) -> Option<u32> {
    let directory = world.backups().join("wal/postgres/incoming").display().to_string();
    let processes = fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let mut ours = processes.filter_map(|process| {
        let words = fs::read(process.path().join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words).into_owned();
        let is_ours = words.contains("pg_receivewal") && words.contains(&directory);
        is_ours.then(|| process.file_name().to_string_lossy().parse().ok())?
    });
    ours.next()
}

fn receiver(world: &World) -> u32 {
    let mut found = None;
    until("the log is received", || {
        found = try_receiver(world);
        found.is_some()
    });
    found.expect("a process")
}

fn kill(process: u32) {
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(killed.expect("kill").success());
}
