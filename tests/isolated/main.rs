//! Promises about the memory, the time and the rights that a process needs. Limits of the kernel and
//! the counting allocator hold for a whole process, so these tests are not among the others, and
//! most of them start this program again for what they measure.

#[path = "../host_work/mod.rs"]
#[cfg(target_os = "linux")]
mod host_work;
#[path = "../hostile/mod.rs"]
#[cfg(target_os = "linux")]
mod hostile;
#[path = "../support/mod.rs"]
mod support;

mod answers_take_memory_in_proportion;
mod compile_bombs_are_refused_or_cheap;
mod declarations_cost_what_their_bytes_say;
mod files_stay_within_what_the_system_allows;
mod host_work_is_bounded;
mod hostile_plugins_break_nothing;
mod memory_stays_flat;
mod no_executable_pages;
mod scarce_memory_ends_in_errors;
mod schemas_cost_no_more_than_their_budget;
