//! The test server keeps what it promises.

use taskward_testkit::postgres::TempPostgres;

#[test]
fn a_server_starts_answers_and_survives_a_kill() {
    let mut server = TempPostgres::start();
    server.create_database();
    server.execute("test_0", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
    assert_eq!(server.execute("test_0", "SHOW fsync").trim(), "on");
    server.kill9();
    server.restart();
    assert_eq!(server.execute("test_0", "SELECT n FROM kept").trim(), "1");
    server.stop_immediate();
    server.restart();
    assert_eq!(server.execute("test_0", "SELECT n FROM kept").trim(), "1", "{}", server.log());
}

#[test]
fn nothing_is_left_behind() {
    let server = TempPostgres::start_without_fsync();
    let port = server.port();
    let data = server.execute("postgres", "SHOW data_directory");
    assert!(std::path::Path::new(data.trim()).exists());
    drop(server);
    assert!(!std::path::Path::new(data.trim()).exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}
