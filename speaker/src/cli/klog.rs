//! The flags of klog, spelled as klog spells them, so that the arguments of existing manifests work.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::go;
use crate::logging::Threshold;

/// Where the log goes and how much of it. What the table in `docs/cli.md` calls "without effect" is parsed only.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct KlogFlags {
    /// Log to stderr and nowhere else
    #[arg(long = "logtostderr", value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "true", default_missing_value = "true", value_parser = go::boolean)]
    pub to_stderr: bool,
    /// Log to stderr beside the file
    #[arg(long = "alsologtostderr", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub also_to_stderr: bool,
    /// Log to this file, with --logtostderr=false
    #[arg(long = "log_file", value_name = "FILE", value_parser = go::path, default_value = "", hide_default_value = true)]
    pub file: PathBuf,
    /// Size in MiB at which the file becomes FILE.1 and a new one starts; 0: never
    #[arg(long = "log_file_max_size", value_name = "MIB", value_parser = go::number64, default_value = "1800")]
    pub file_max_size: u64,
    /// Without --log_file: log to kube-ovn-speaker.log in this directory
    #[arg(long = "log_dir", value_name = "DIR", value_parser = go::path, default_value = "", hide_default_value = true)]
    pub dir: PathBuf,
    /// Beside a file: what goes to stderr too, INFO, WARNING, ERROR, FATAL or 0 to 3
    #[arg(long = "stderrthreshold", value_name = "LEVEL", default_value = "ERROR")]
    pub stderr_threshold: Threshold,
    /// The same while --alsologtostderr is on; default: INFO
    #[arg(long = "alsologtostderrthreshold", value_name = "LEVEL")]
    pub also_threshold: Option<Threshold>,
    /// Leave --stderrthreshold aside while --logtostderr or --alsologtostderr is on
    #[arg(long = "legacy_stderr_threshold_behavior", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "true", default_missing_value = "true", value_parser = go::boolean)]
    pub legacy_threshold: bool,
    /// Lines without time and level
    #[arg(long = "skip_headers", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub skip_headers: bool,
    /// How much is logged: 3 shows every change, 5 everything
    #[arg(short = 'v', long = "v", value_name = "N", value_parser = go::integer, default_value = "0",
          allow_negative_numbers = true)]
    pub verbosity: i32,
    /// Without effect: there is one file for all levels
    #[arg(long = "one_output", value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub one_output: bool,
    /// Without effect: files start without a header
    #[arg(long = "skip_log_headers", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub skip_log_headers: bool,
    /// Without effect: lines name no source files
    #[arg(long = "add_dir_header", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub add_dir_header: bool,
    /// Without effect
    #[arg(long = "log_backtrace_at", value_name = "FILE:N", default_value = "", hide_default_value = true)]
    pub backtrace_at: String,
    /// Without effect: see RUST_LOG for levels by module
    #[arg(long = "vmodule", value_name = "PATTERN=N,...", default_value = "", hide_default_value = true)]
    pub vmodule: String,
}
