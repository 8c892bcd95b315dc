//! What alerts say, in the language of the page. The rules speak English; the Chinese stands here, found by the
//! English, so that a text that changes is shown as it is until somebody has translated it.

use std::sync::LazyLock;

use taskward_api::Alert;
use taskward_core::alert::{Rule, Thresholds, rules};

use super::format;
use super::language::Language;
use super::texts::fill;

/// The rules for the sake of their texts, which are the same whatever the thresholds.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&Thresholds::default()));

/// What is wrong with an alert, with its numbers; or what it would be.
pub(super) fn description(alert: &Alert, language: Language) -> String {
    let Some(english) = &alert.description else { return translated(&alert.summary, language).to_owned() };
    let rule = RULES.iter().find(|rule| rule.name == alert.rule);
    let chinese = rule.and_then(|rule| chinese(rule.description));
    match (language, chinese) {
        (Language::Chinese, Some(chinese)) => {
            let number = |value| format::measured(value, alert.unit).unwrap_or_default();
            let value = alert.value.map(number).unwrap_or_default();
            let threshold = number(alert.threshold);
            let mut places = vec![("value", &*value), ("threshold", &*threshold)];
            places.extend(alert.labels.iter().map(|(name, value)| (&**name, &**value)));
            fill(chinese, &places)
        }
        _ => english.clone(),
    }
}

/// A text of a rule or of a step in this language, as far as there is one.
pub(super) fn translated(english: &str, language: Language) -> &str {
    match language {
        Language::English => english,
        Language::Chinese => chinese(english).unwrap_or(english),
    }
}

fn chinese(english: &str) -> Option<&'static str> {
    CHINESE.iter().find(|(own, _)| *own == english).map(|(_, chinese)| *chinese)
}

/// Summaries, descriptions and steps.
const CHINESE: &[(&str, &str)] = &[
    ("Requests are slow", "请求变慢"),
    (
        "The P95 of requests is {value}, above {threshold}. Requests that wait for tasks do not count.",
        "请求的 P95 为 {value}，高于 {threshold}。等待任务的请求不计入。",
    ),
    ("How slow, how much traffic, how busy is the machine?", "有多慢？流量多大？机器有多忙？"),
    ("Is it the database? The answer says how long it took.", "是数据库的原因吗？输出中有它的耗时。"),
    (
        "Is there more work than usual? Look at `available` and `oldest`.",
        "任务比平时多吗？查看 `available` 和 `oldest`。",
    ),
    (
        "Look for slow statements and locks in the database, and at CPU, memory and disk here.",
        "检查数据库的慢语句和锁，以及本机的 CPU、内存和磁盘。",
    ),
    (
        "Add an instance, or a larger machine, when the load is real.",
        "如果负载确实增长，增加实例或换更大的机器。",
    ),
    ("Too many requests fail", "失败的请求过多"),
    (
        "{value} of all requests are answered with 5xx, more than {threshold}.",
        "{value} 的请求以 5xx 应答，超过 {threshold}。",
    ),
    (
        "Is what it depends on there? Each failed check says what to do.",
        "所依赖的服务是否正常？每个失败的检查都会说明如何处理。",
    ),
    (
        "Which errors, and how often? Each request that failed has a line with its id, the answer too.",
        "哪些错误？出现多频繁？每个失败的请求在日志中都有一行，带有请求 ID，响应中也有。",
    ),
    ("Did a change of the configuration come before it?", "此前是否改过配置？"),
    ("Roll back when it began with a release.", "如果是从某次发布开始的，请回滚。"),
    ("The error budget of a month is used up in two days", "一个月的错误预算将在两天内耗尽"),
    (
        "{value} of the requests of the last hour failed, more than {threshold}, and they still do.",
        "最近一小时 {value} 的请求失败，超过 {threshold}，且仍在失败。",
    ),
    ("The database does not answer, or takes no writes", "数据库没有响应，或不接受写入"),
    (
        "The database does not answer this instance, or takes no writes. The instance is read-only until it does: calls \
         that change something get 503 `read_only`, nothing acknowledged is lost, and leases are kept.",
        "数据库对本实例没有响应，或不接受写入。恢复之前本实例只读：修改类请求得到 503 `read_only`，已确认的数据不会丢失，租约保留。",
    ),
    ("What does the service say about the database?", "服务如何描述数据库的状况？"),
    (
        "Since when is it so, and why: the server, or its disk?",
        "从何时开始？原因是什么：服务器，还是它的磁盘？",
    ),
    ("Can the database be reached from here, past the service?", "绕过服务，从这里能连上数据库吗？"),
    (
        "Call whoever runs the database. The service is read-only by itself, and comes back by itself.",
        "联系数据库负责人。服务会自动进入只读，也会自动恢复。",
    ),
    (
        "Tell the users; workers and clients try again by themselves.",
        "通知用户；工作进程和客户端会自动重试。",
    ),
    ("A disk is nearly full", "磁盘将满"),
    (
        "The file system of {directory} is {value} full, more than {threshold}.",
        "{directory} 所在的文件系统已用 {value}，超过 {threshold}。",
    ),
    ("Which disk is it, and how much of it does the service keep?", "是哪块磁盘？其中服务自身占用多少？"),
    ("Are there old logs to remove?", "有可删除的旧日志吗？"),
    (
        "Remove whatever else fills the file system; never files of the database.",
        "删除其他占用空间的文件；切勿删除数据库文件。",
    ),
    ("Keep finished tasks for a shorter time.", "缩短已结束任务的保留时间。"),
    ("Make the file system larger.", "扩大文件系统。"),
    ("A file system has few inodes left", "文件系统的 inode 将用尽"),
    (
        "{value} of the inodes in the file system of {directory} are used, more than {threshold}.",
        "{directory} 所在文件系统的 inode 已用 {value}，超过 {threshold}。",
    ),
    ("Tasks wait too long", "任务等待过久"),
    (
        "The oldest task of queue {queue} has been ready for {value}, longer than {threshold}.",
        "队列 {queue} 中最早的任务已等待领取 {value}，超过 {threshold}。",
    ),
    ("Is the queue paused? Does anything of it run?", "队列是否已暂停？有任务在运行吗？"),
    ("Do the same tasks hold all the workers?", "是否有同一批任务占住了所有工作进程？"),
    ("Start more workers for this queue, or resume it.", "为该队列启动更多工作进程，或恢复该队列。"),
    ("Nobody works on a queue", "队列无人处理"),
    (
        "Tasks of queue {queue} have been ready for {value}, longer than {threshold}, and none of its tasks runs.",
        "队列 {queue} 的任务已等待领取 {value}，超过 {threshold}，且没有任务在运行。",
    ),
    (
        "Is the queue paused? If so: `taskward queue resume QUEUE`.",
        "队列是否已暂停？若是：`taskward queue resume QUEUE`。",
    ),
    (
        "Look at the machines of the workers of this queue: do they run, do they reach the service?",
        "检查该队列的工作进程所在的机器：进程在运行吗？能连上服务吗？",
    ),
    (
        "Start workers: `taskward worker --queue QUEUE -- COMMAND`.",
        "启动工作进程：`taskward worker --queue QUEUE -- COMMAND`。",
    ),
    ("Tasks die", "任务死亡"),
    (
        "{value} tasks of queue {queue} have died lately, more than {threshold}: nobody will try them again.",
        "队列 {queue} 最近有 {value} 个任务死亡，超过 {threshold}：这些任务不会再被重试。",
    ),
    ("Which are they? What do their errors say?", "是哪些任务？错误信息是什么？"),
    ("Mend the cause: a payload, the command, what it depends on.", "排除原因：载荷、命令，或其依赖。"),
    ("Bring them back: `taskward task retry ID`.", "恢复任务：`taskward task retry ID`。"),
    ("Workers vanish", "工作进程失联"),
    (
        "{value} leases of queue {queue} have expired lately, more than {threshold}: workers die, or cannot reach the service.",
        "队列 {queue} 最近有 {value} 个租约过期，超过 {threshold}：工作进程退出，或无法连上服务。",
    ),
    ("Which workers hold tasks now?", "现在哪些工作进程持有任务？"),
    (
        "Look at the workers: killed for their memory, restarted, cut off from the service?",
        "检查工作进程：是否因内存被杀、被重启，或与服务断开？",
    ),
    ("Is the lease shorter than the pauses of a busy worker?", "租约是否短于繁忙的工作进程的停顿？"),
    ("The error budget of a month is used up in five days", "一个月的错误预算将在五天内耗尽"),
    (
        "{value} of the requests of the last six hours failed, more than {threshold}, and they still do.",
        "最近六小时的请求有 {value} 失败，超过 {threshold}，而且仍在失败。",
    ),
    ("The API key is old", "API 密钥已经很旧"),
    (
        "The API key is {value} old, older than {threshold}: whoever has seen it since can still use it.",
        "API 密钥已使用 {value}，超过 {threshold}：此后见过它的人仍然可以使用它。",
    ),
    ("Which file is it from? Look at `server.api_key`.", "它来自哪个文件？查看 `server.api_key`。"),
    (
        "Write a new key to that file: `openssl rand -hex 32`.",
        "把新的密钥写入该文件：`openssl rand -hex 32`。",
    ),
    (
        "Restart the instances, and give the new key to workers and clients.",
        "重启各实例，并把新的密钥交给工作进程和客户端。",
    ),
    ("Is the new file taken, and readable by the service alone?", "新文件是否生效，且只有服务可读？"),
    ("The last backup is old", "最近一次备份已经很旧"),
    (
        "The last good backup is {value} old, older than {threshold}: as much would be lost with the database.",
        "最近一次有效备份已过去 {value}，超过 {threshold}：若数据库丢失，就会失去这么久的数据。",
    ),
    ("Is there one to rely on, and how old is it?", "是否有可靠的备份，它有多旧？"),
    ("Why did the last ones fail?", "最近几次为何失败？"),
    (
        "Mend the cause, then make one: `taskward backup create`.",
        "排除原因后再做一次备份：`taskward backup create`。",
    ),
    ("There is no backup", "没有备份"),
    (
        "There is no good backup, and `backup.rpo` has wanted one for {value}: everything would be lost with the database.",
        "没有有效的备份，按 `backup.rpo` 已逾期 {value}：若数据库丢失，就会失去全部数据。",
    ),
    ("Could one be made? If not, this says why.", "能否备份？若不能，输出中有原因。"),
    ("Backups by schedule fail", "定时备份失败"),
    (
        "Backups that the service was to make and did not, in a row: {value}.",
        "服务应做的备份已连续失败 {value} 次。",
    ),
    ("What did the service say about it?", "服务对此记录了什么？"),
    (
        "Mend the cause. The service tries again within five minutes; `taskward backup create` does at once.",
        "排除原因。服务会在五分钟内重试；`taskward backup create` 可立即备份。",
    ),
    ("No backup was ever tried", "从未演练过备份恢复"),
    (
        "No drill has ever passed, and `alerts.drill_too_old` has wanted one for {value}: nobody knows whether a backup can be restored.",
        "从未有恢复演练通过，按 `alerts.drill_too_old` 已逾期 {value}：无人知道备份能否恢复。",
    ),
    ("No backup was tried for long", "很久没有演练过备份恢复"),
    (
        "A backup was last restored to see whether it works {value} ago, longer than {threshold}.",
        "上一次通过的恢复演练是在 {value} 前，超过 {threshold}。",
    ),
    ("Can it be restored, in the time there is?", "能否在规定时间内恢复？"),
    ("How did the last ones go?", "前几次演练的结果如何？"),
    ("The archive of the log is behind", "日志归档落后"),
    (
        "The archive of the database's log is {value} behind, more than {threshold}: as much would be lost with the database, and its disk fills with what waits.",
        "数据库日志的归档落后 {value}，超过 {threshold}：若数据库丢失，就会失去这么久的数据，等待归档的日志也会占满其磁盘。",
    ),
    ("Is the log received, how much is held back, is there room?", "日志是否在接收，积压多少，空间是否够？"),
    ("Why is it not archived?", "为何没有归档？"),
    (
        "Make room in `backup.dir`, or start what archives again: it goes on by itself from where it was.",
        "在 `backup.dir` 腾出空间，或重新启动归档进程：它会自行从中断处继续。",
    ),
    ("PostgreSQL holds back too much log", "PostgreSQL 积压的日志过多"),
    (
        "PostgreSQL keeps {value} of log that the archive does not have, more than {threshold}: it fills the database's disk, or is removed at `max_slot_wal_keep_size`, which is a gap.",
        "PostgreSQL 保留着 {value} 尚未归档的日志，超过 {threshold}：它会占满数据库的磁盘，或在达到 `max_slot_wal_keep_size` 时被删除，归档因此出现缺口。",
    ),
    ("Does anybody receive it, and is it bounded?", "是否有人在接收？积压是否有上限？"),
    (
        "Start what archives again, or make room in `backup.dir`. A slot that nobody needs any more is dropped: `SELECT pg_drop_replication_slot('taskward')`.",
        "重新启动归档进程，或在 `backup.dir` 腾出空间。不再需要的复制槽应删除：`SELECT pg_drop_replication_slot('taskward')`。",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use taskward_api::{AlertState, AlertUnit, HumanDuration};

    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn everything_that_rules_say_is_translated() {
        for rule in RULES.iter() {
            let steps = rule.steps.iter().map(|step| step.text);
            for english in [rule.summary, rule.description].into_iter().chain(steps) {
                let chinese = chinese(english);
                let chinese = chinese.unwrap_or_else(|| panic!("add the Chinese of {english:?} to CHINESE"));
                assert!(!chinese.is_ascii(), "{english}: {chinese}");
                assert_eq!(places(english), places(chinese), "{english}");
            }
        }
    }

    #[test]
    fn nothing_is_translated_that_no_rule_says() {
        let said = |english: &str| {
            RULES.iter().any(|rule| {
                let steps = rule.steps.iter().any(|step| step.text == english);
                steps || rule.summary == english || rule.description == english
            })
        };
        for (english, _) in CHINESE {
            assert!(said(english), "{english}");
        }
    }

    #[test]
    fn numbers_and_names_are_filled_in() {
        let rule = RULES.iter().find(|rule| rule.name == "QueueStuck").expect("the rule");
        let alert = Alert {
            rule: rule.name.to_owned(),
            state: AlertState::Firing,
            labels: BTreeMap::from([("queue".to_owned(), "{value}".to_owned())]),
            severity: "warning".to_owned(),
            respond_within: HumanDuration(rule.respond_within),
            value: Some(1200.0),
            threshold: 900.0,
            unit: AlertUnit::Seconds,
            since: Some(Timestamp::UNIX_EPOCH),
            summary: rule.summary.to_owned(),
            description: Some("As the service says it.".to_owned()),
            steps: Vec::new(),
            runbook_url: String::new(),
            silence: None,
        };
        let told = description(&alert, Language::Chinese);
        assert_eq!(told, "队列 {value} 中最早的任务已等待领取 20 min，超过 15 min。");
        assert_eq!(description(&alert, Language::English), "As the service says it.");
        let fine = Alert { description: None, ..alert };
        assert_eq!(description(&fine, Language::Chinese), "任务等待过久");
        assert_eq!(description(&fine, Language::English), "Tasks wait too long");
        assert_eq!(translated("Something new", Language::Chinese), "Something new");
    }
}
