//! Every text of the dashboard, in every language. A text stands on one line with all its translations, so one
//! that lacks a translation does not compile. What the interface behind the dashboard answers (the reasons why
//! a filter or an action was refused) is English in all of them.

/// Declares the texts once: name, English, Chinese. `{name}` in a text is filled in by [`fill`].
macro_rules! texts {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// The texts of one language.
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)*
        }

        pub(super) static ENGLISH: Texts = Texts { $($name: $english,)* };
        pub(super) static CHINESE: Texts = Texts { $($name: $chinese,)* };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
    };
}

texts! {
    // What stands around every page.
    skip_to_content: "Skip to content", "跳到正文";
    main_navigation: "Main", "主导航";
    overview: "Overview", "概览";
    queues: "Queues", "队列";
    tasks: "Tasks", "任务";
    workers: "Workers", "工作进程";
    configuration: "Configuration", "配置";
    sign_in: "Sign in", "登录";
    sign_out: "Sign out", "退出登录";
    language: "Language", "语言";
    live: "Live", "实时";
    connecting: "Connecting…", "正在连接…";
    lost: "NOT LIVE: the service does not answer. What you see is from {time}.", "非实时：服务没有响应。页面内容截至 {time}。";
    stopped: "NOT LIVE: updates have stopped. Reload the page. What you see is from {time}.", "非实时：更新已停止，请重新加载页面。页面内容截至 {time}。";
    without_script: "Without JavaScript this page shows the moment it was loaded; reload it to see the next one.", "未启用 JavaScript：页面只显示加载时的状态，请刷新查看最新情况。";
    back: "Back", "返回";
    none: "none", "无";
    no_data: "no data", "无数据";
    unreadable: "This cannot be read right now", "暂时无法读取";

    // Health.
    health_ok: "The service is well", "服务正常";
    health_degraded: "The service is degraded", "服务降级";
    health_unavailable: "The service is unavailable", "服务不可用";
    health_draining: "The service is shutting down", "服务正在关闭";
    environment: "Environment", "环境";
    instance: "Instance", "实例";
    mode: "Mode", "模式";
    mode_normal: "normal", "正常";
    mode_read_only: "read-only", "只读";
    mode_draining: "draining", "排空中";
    version: "Version", "版本";
    up_for: "Up for", "已运行";
    checks: "Health checks", "健康检查";
    message: "Message", "说明";
    check_database: "database", "数据库";
    check_maintenance: "maintenance", "维护";
    check_ok: "ok", "正常";
    check_fail: "fail", "失败";
    check_unknown: "unknown", "未知";

    // Figures and charts.
    right_now: "Right now", "当前";
    last_minutes: "Last 5 minutes", "最近 5 分钟";
    last_hour: "Last hour", "最近一小时";
    last_ten_minutes: "Last 10 minutes", "最近 10 分钟";
    charts_cover: "Samples of this instance, every 5 s; so far they cover {time}.", "本实例每 5 秒采样一次，目前覆盖 {time}。";
    now: "now", "现在";
    highest: "highest", "最高";
    ready: "Ready", "待领取";
    running: "Running", "运行中";
    scheduled: "Scheduled", "已计划";
    oldest_ready: "Oldest ready", "最久等待";
    created_rate: "Created", "创建";
    completed_rate: "Completed", "完成";
    dead_rate: "Died", "死亡";
    requests_rate: "Requests", "请求";
    request_p95: "Request P95", "请求 P95";
    errors_5xx: "5xx answers", "5xx 比例";
    success_ratio: "Tasks that succeed", "任务成功率";
    wait_p95: "Wait P95", "等待 P95";
    task_p95: "Attempt P95", "执行 P95";
    requests_per_second: "Requests per second", "每秒请求数";
    latency_p95: "Request latency, P95", "请求延迟 P95";
    error_ratio: "Share of 5xx answers", "5xx 响应比例";
    tasks_per_second: "Tasks per second", "每秒任务数";
    backlog: "Tasks by state", "各状态任务数";
    oldest_ready_age: "Age of the oldest ready task", "最早待领取任务的等待时间";
    threshold: "Threshold", "阈值";
    beyond: "above this scale", "高于此刻度";
    saturation: "Saturation", "饱和度";
    disk: "Disk", "磁盘";
    memory: "Memory", "内存";
    cpu: "CPU", "CPU 使用";
    durations: "Task wait and attempt, P95", "任务等待与执行 P95";
    longest_queues: "Queues with the most to do", "待办最多的队列";
    all_queues: "All {count} queues", "全部 {count} 个队列";

    // Queues.
    queue: "Queue", "队列";
    state: "State", "状态";
    paused: "paused", "已暂停";
    active: "active", "运行";
    dead: "Dead", "死亡";
    completed: "Completed", "已完成";
    created_per_second: "Created/s", "创建/秒";
    completed_per_second: "Done/s", "完成/秒";
    dead_per_second: "Died/s", "死亡/秒";
    actions: "Actions", "操作";
    pause: "Pause", "暂停";
    resume: "Resume", "恢复";
    pause_queue: "Pause {queue}", "暂停 {queue}";
    resume_queue: "Resume {queue}", "恢复 {queue}";
    retry_dead: "Retry dead…", "重试死亡任务…";
    retry_dead_of: "Retry the dead tasks of {queue}", "重试 {queue} 的死亡任务";
    no_queues: "No queue yet: the first task makes one.", "还没有队列：创建第一个任务时会自动建立。";
    queues_caption: "Unfinished tasks by state, rates of the last minute, totals since the queue was first used", "未完成任务按状态统计，最近一分钟速率，以及队列建立以来的总数";
    queue_paused: "The queue is paused: it takes tasks and gives out none.", "队列已暂停：仍接收任务，但不再派发。";
    queue_resumed: "The queue gives out tasks again.", "队列已恢复派发任务。";

    // Retrying the dead tasks of a queue.
    dead_count: "{count} dead tasks", "{count} 个死亡任务";
    dead_count_one: "1 dead task", "1 个死亡任务";
    dead_count_least: "at least {count} dead tasks", "至少 {count} 个死亡任务";
    dead_none: "This queue has no dead tasks.", "该队列没有死亡任务。";
    dead_explained: "Each becomes available at once, with its attempts counted afresh; its errors are kept. At most {max} are brought back at a time, the newest first.", "每个任务立即可领取，尝试次数重新计算，错误记录保留。每次最多恢复 {max} 个，最新的优先。";
    dead_look: "Look at them first", "先查看这些任务";
    dead_confirm: "Retry {count} tasks", "重试 {count} 个任务";
    dead_retried: "{count} tasks were brought back.", "已恢复 {count} 个任务。";
    dead_refused: "{count} could not be: they changed meanwhile, or another task has their unique key.", "{count} 个未能恢复：任务已变化，或其唯一键被其他任务占用。";

    // Tasks.
    task: "Task", "任务";
    id: "Id", "编号";
    kind: "Kind", "类型";
    tag: "Tag", "标签";
    tags: "Tags", "标签";
    attempts: "Attempts", "尝试";
    attempt: "Attempt", "第几次";
    created_at: "Created", "创建时间";
    runs_at: "Runs at", "计划时间";
    any: "any", "不限";
    filter: "Filter", "筛选";
    filter_tasks: "Filter tasks", "筛选任务";
    clear: "Clear", "清除";
    find_by_id: "Find a task by its id", "按编号查找任务";
    find: "Find", "查找";
    older: "Older tasks", "更早的任务";
    newest: "Newest tasks", "最新的任务";
    no_tasks: "No task matches.", "没有匹配的任务。";
    no_tasks_here: "None among those looked through; older ones may match.", "已检查的范围内没有；更早的任务可能匹配。";
    tasks_caption: "Tasks, newest first", "任务，最新在前";
    refused_filter: "This filter cannot be used", "筛选条件无效";
    state_scheduled: "scheduled", "已计划";
    state_available: "available", "待领取";
    state_running: "running", "运行中";
    state_completed: "completed", "已完成";
    state_cancelled: "cancelled", "已取消";
    state_dead: "dead", "死亡";
    dead_attempts_exhausted: "no attempts left", "尝试次数用尽";
    dead_not_retryable: "the worker said that trying again is useless", "工作进程表示重试无用";
    dead_crash_loop: "crash loop: several attempts lost their worker", "崩溃循环：多次尝试丢失工作进程";
    priority: "Priority", "优先级";
    timeout: "Timeout of an attempt", "单次超时";
    crashes: "Workers lost", "丢失的工作进程";
    worker: "Worker", "工作进程";
    unique_key: "Unique key", "唯一键";
    cancel_asked: "asked to stop", "已请求停止";
    cancel_task: "Cancel task", "取消任务";
    cancel_sure: "Cancel this task? A waiting task is withdrawn for good; a running one is asked to stop.", "确定取消该任务？等待中的任务将被撤销；运行中的任务会被请求停止。";
    retry_task: "Retry task", "重试任务";
    task_cancelled: "The task was cancelled.", "任务已取消。";
    task_stopping: "The worker was asked to stop; the task is cancelled when it reports.", "已请求工作进程停止，待其报告后任务即被取消。";
    task_retried: "The task is available again.", "任务已重新可领取。";
    timeline: "Timeline", "时间线";
    event_created: "created", "创建";
    event_due: "due", "到期";
    event_due_later: "will be due", "将到期";
    event_started: "attempt {attempt} began", "第 {attempt} 次尝试开始";
    event_failed: "attempt {attempt} failed", "第 {attempt} 次尝试失败";
    event_lease: "lease ends unless extended", "租约到期（未续约时）";
    event_finished: "finished: {state}", "结束：{state}";
    errors: "Errors", "错误";
    errors_caption: "Failed attempts, oldest first", "失败的尝试，最早在前";
    when: "When", "时间";
    error_type: "Type", "类别";
    trace: "Trace", "调用栈";
    payload: "Payload", "载荷";
    result: "Result", "结果";
    progress: "Progress", "进度";
    metadata: "Metadata", "元数据";
    cut_here: "Cut after {bytes}; the whole is at {path}", "仅显示前 {bytes}，完整内容见 {path}";

    // Workers and instances.
    workers_caption: "Workers that asked for tasks in the last hour, or hold some", "最近一小时请求过任务或持有任务的工作进程";
    no_workers: "No worker asked for tasks in the last hour: nothing is being done.", "最近一小时没有工作进程请求任务：没有任务在执行。";
    last_seen: "Last seen", "最近出现";
    holds: "Holds", "持有";
    and_more: "and {count} more", "另有 {count} 个";
    instances: "Instances", "实例";
    instances_seen: "All that workers asked", "工作进程请求过的实例";
    instances_caption: "Instances on this database that workers asked in the last hour; one that nobody asked is not known here", "最近一小时工作进程请求过的实例；无人请求的实例不在此列";
    database: "Database", "数据库";
    workers_lately: "Workers in the last minute", "最近一分钟的工作进程";
    claims_waiting: "Claims waiting for tasks", "等待任务的领取请求";
    items_waiting: "Items not on disk yet", "尚未落盘的条目";
    connections: "Database connections in use", "数据库连接使用率";
    processors: "Processors kept busy", "占用的处理器数";
    open_files: "Open files", "打开的文件数";
    figures_explained: "Rates and processors are of the last five minutes, the rest is now.", "速率和处理器为最近五分钟的数据，其余为当前值。";
    this_instance: "this one", "本实例";
    ago: "{time} ago", "{time} 前";
    never: "never", "从未";

    // Alerts.
    alerts: "Alerts", "告警";
    alerts_firing: "{count} alerts are firing", "{count} 个告警触发中";
    alerts_firing_one: "1 alert is firing", "1 个告警触发中";
    alerts_off: "This instance watches nothing and tells nobody: alerts.enabled is false.", "本实例不检查规则，也不通知任何人：alerts.enabled 为 false。";
    nothing_fires: "No alert is firing.", "没有告警触发。";
    alert_inactive: "inactive", "未触发";
    alert_pending: "pending", "待触发";
    alert_firing: "firing", "触发中";
    held_back: "beyond the threshold, but its other conditions do not hold", "超过阈值，但其他条件不满足";
    severity: "Severity", "级别";
    severity_critical: "critical", "严重";
    severity_warning: "warning", "警告";
    respond_within: "Respond within", "响应时限";
    respond_within_time: "Respond within {time}", "须在 {time} 内响应";
    since: "Since", "开始于";
    steps: "Steps", "处理步骤";
    runbook: "Runbook", "运行手册";
    rule: "Rule", "规则";
    rules: "Rules", "规则";
    rules_caption: "Every rule and how it stands", "所有规则及其状态";
    silence: "Silence…", "静默…";
    silence_begin: "Silence", "静默";
    silence_for: "For how long", "静默时长";
    silence_reason: "Reason", "原因";
    silence_rule: "Silence {rule}", "静默 {rule}";
    silence_explained: "Nobody is told of this rule, whatever it is about; it goes on being watched and shown. The silence is this instance's alone ({instance}): it ends with its time, or when the instance restarts.", "该规则的告警暂不通知任何人，但仍持续检查和显示。静默仅对本实例（{instance}）有效，到期或实例重启即结束。";
    unsilence: "Unsilence", "取消静默";
    unsilence_rule: "Unsilence {rule}", "取消静默 {rule}";
    silenced_until: "Silenced until", "静默至";
    rule_silenced: "The rule is silenced: nobody is told of it for a while; it goes on being watched.", "规则已静默：暂不通知，但仍持续检查。";
    rule_unsilenced: "The rule is no longer silenced.", "规则已取消静默。";
    channel: "Channel", "通知渠道";
    channels: "Channels", "通知渠道";
    channels_caption: "Notifications since this instance started", "本实例启动以来的通知";
    delivered: "Delivered", "已送达";
    undelivered: "Failed", "失败";
    last_error: "Last error", "最近错误";
    no_channels: "Nobody is told of alerts: no channel is configured (alerts.*_url).", "未配置通知渠道（alerts.*_url），告警不会发送给任何人。";

    // Configuration.
    configuration_explained: "As this instance read it when it started; secrets are redacted. A key's meaning: taskward config explain KEY.", "本实例启动时读取的配置，机密已隐去。查看某项含义：taskward config explain KEY。";
    key: "Key", "配置项";
    value: "Value", "值";
    origin: "Origin", "来源";

    // Signing in, and what goes wrong.
    api_key: "API key", "API 密钥";
    sign_in_explained: "The key that clients of this service use. You stay signed in for 12 hours, or until you sign out or the key changes.", "即本服务客户端所用的密钥。登录保持 12 小时，直到退出登录或密钥更换。";
    wrong_key: "This API key is not valid.", "API 密钥无效。";
    too_many_attempts: "Too many failed attempts. Wait a minute and try again.", "失败次数过多，请一分钟后再试。";
    failed: "That did not work", "操作未成功";
    foreign_form: "This form did not come from this page, or the page is older than the service. Go back, reload, and try again. Nothing was changed.", "该表单并非来自本页面，或页面早于服务启动。请返回并刷新后重试。未做任何更改。";
    form_too_large: "The form is too large, or not a form. Nothing was changed.", "表单过大或格式不正确。未做任何更改。";
}

/// A text with its places filled in.
pub(crate) fn fill(text: &str, places: &[(&str, &str)]) -> String {
    // Not one `replace` after another: what was filled in may look like a place itself.
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match places.iter().find(|(place, _)| *place == name) {
            Some((_, value)) => filled.push_str(value),
            None => filled.extend(["{", name, "}"]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_text_is_translated_with_the_same_places() {
        for (name, english, chinese) in PAIRS {
            assert!(!english.is_empty() && !chinese.is_empty(), "{name} is empty");
            assert_eq!(places(english), places(chinese), "{name}");
            assert!(!chinese.is_ascii(), "{name} is not translated: {chinese}");
        }
    }

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        let filled = fill("{a} of {b}, {c}", &[("a", "{b}"), ("b", "2")]);
        assert_eq!(filled, "{b} of 2, {c}");
        assert_eq!(fill("open {", &[]), "open {");
    }
}
