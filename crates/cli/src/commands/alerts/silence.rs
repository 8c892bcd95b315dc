//! `taskward alerts silence|unsilence RULE`.

use serde_json::json;
use taskward_client::{ClientError, HumanDuration, ProblemCode, SilenceAnswer, SilenceRequest};
use taskward_core::alert;

use super::{SilenceArgs, UnsilenceArgs, unknown_rule};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// Begins a silence.
pub(super) async fn begin(args: &SilenceArgs, context: &Context) -> Ended {
    let client = context.client()?;
    let hold = HumanDuration(args.hold);
    if args.dry_run {
        return dry_run(&args.rule, context, &format!("nobody would be told of {} for {hold}", args.rule));
    }
    let request = SilenceRequest { hold, reason: args.reason.clone() };
    let answer = client
        .silence_alert(&args.rule, &request)
        .await
        .map_err(|error| failed(&error, &args.rule, context))?;
    print(&answer, context)
}

/// Ends a silence.
pub(super) async fn end(args: &UnsilenceArgs, context: &Context) -> Ended {
    let client = context.client()?;
    if args.dry_run {
        return dry_run(&args.rule, context, &format!("everybody would be told of {} again", args.rule));
    }
    let answer =
        client.unsilence_alert(&args.rule).await.map_err(|error| failed(&error, &args.rule, context))?;
    print(&answer, context)
}

fn dry_run(rule: &str, context: &Context, would: &str) -> Ended {
    if !alert::NAMES.contains(&rule) {
        return Err(unknown_rule(rule));
    }
    context.output.result(&json!({"rule": rule, "dry_run": true, "would": would}), || would.to_owned())?;
    Ok(Exit::Ok)
}

fn failed(error: &ClientError, rule: &str, context: &Context) -> CliError {
    if error.code() == Some(ProblemCode::NotFound) { unknown_rule(rule) } else { context.write_failed(error) }
}

fn print(answer: &SilenceAnswer, context: &Context) -> Ended {
    context.output.result(answer, || match &answer.silence {
        Some(silence) => {
            format!("nobody is told of {} until {}: {}", answer.rule, silence.until, silence.reason)
        }
        None => format!("everybody is told of {} again", answer.rule),
    })?;
    Ok(Exit::Ok)
}
