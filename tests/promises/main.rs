//! What tollgate promises: one module for each promise, named after it. They are one program, since
//! each program is linked with the whole library; `cargo test --test promises NAME` runs one module.
//!
//! A promise whose test needs a process of its own is in `tests/isolated`.

#[path = "../authority/mod.rs"]
#[cfg(feature = "net")]
mod authority;
#[path = "../capability_rows/mod.rs"]
mod capability_rows;
#[path = "../choices/mod.rs"]
mod choices;
#[path = "../exact/mod.rs"]
mod exact;
#[path = "../loopback/mod.rs"]
mod loopback;
#[path = "../nameserver/mod.rs"]
#[cfg(feature = "net")]
mod nameserver;
#[path = "../random_modules/mod.rs"]
mod random_modules;
#[path = "../support/mod.rs"]
mod support;

mod a_build_without_the_network_says_so;
mod a_recording_replays_the_same;
mod a_simulated_world_is_the_same_every_time;
mod answers_are_decoded_and_capped;
#[cfg(feature = "debug-info")]
mod backtraces_name_functions_and_lines;
mod bad_results_have_their_own_error;
mod baked_plugins_are_plugins;
mod baked_plugins_that_lie_harm_nobody;
mod batches_come_out_in_order;
mod batches_on_the_command_line;
mod behaves_as_the_cases_say;
mod both_abi_generations;
mod byte_order_marks_are_skipped;
mod calls_end_when_they_are_cancelled;
mod calls_leave_no_trace;
mod calls_share_nothing_but_the_module;
mod capability_addresses;
mod capability_commands;
mod capability_decisions;
mod capability_properties;
mod capability_risk;
mod capability_texts;
mod capability_v2;
mod capability_weaknesses;
mod check_finds_what_is_wrong;
mod closed_descriptors_stay_closed;
mod command_line;
mod commands_have_time_limits;
mod commands_leave_nothing_behind;
mod commands_match_the_cases;
mod commands_match_their_arguments;
mod commands_need_their_feature;
mod commands_run_no_code_of_the_guests;
mod commands_run_only_where_granted;
mod commands_say_how_they_ended;
mod configs_are_held_against_the_schema;
mod contract_is_checked_at_load;
mod coverage_agrees_with_a_native_compiler;
mod damaged_transcripts_are_refused_by_line;
mod denials_of_wasi_are_explained;
mod dependencies_point_one_way;
mod directories_above_grants_are_seen;
mod embedders_add_their_own_functions;
mod embedders_mistakes_end_in_words;
mod encoded_secrets_are_hidden;
mod engine_facts;
mod events_go_to_tracing;
mod every_change_is_found_where_it_is;
mod evidence_is_cut_to_its_limit;
mod examples_do_what_they_say;
mod executed_operators_are_counted_exactly;
#[cfg(feature = "debug-info")]
mod failures_have_backtraces;
mod figures_are_the_same_under_every_deadline;
mod files_are_read_only_where_granted;
mod files_are_written_whole_or_not_at_all;
mod fixtures_are_current;
#[cfg(feature = "regex")]
mod fixtures_that_compute_are_right;
mod forks_equal_cold_starts;
mod fuel_is_fair;
mod fuzzing_finds_what_is_hidden;
mod fuzzing_is_deterministic;
mod fuzzing_makes_up_worlds;
mod go_plugins_collect_their_garbage;
mod go_plugins_run_unmodified;
mod go_plugins_use_files;
mod grants_come_from_the_operator;
mod growing_is_the_hosts;
mod guest_kits;
#[cfg(feature = "net")]
mod host_functions_do_what_the_table_says;
mod imports_of_other_hosts_are_explained;
mod initialisation_is_counted_by_itself;
mod instrumented_runs_are_the_same_runs;
mod json_is_read_as_it_comes;
#[cfg(feature = "net")]
mod kits_call_every_host_function;
mod limits_are_set_by_name;
mod limits_end_what_does_not_end;
mod links_of_plugins_stay_inside;
mod log_lines_reach_the_embedder;
mod mail_servers_are_greeted;
mod missing_is_said_of_files_only;
mod names_are_looked_up_where_granted;
mod network_weaknesses;
mod networks_are_reached_only_where_granted;
mod new_projects_are_whole;
mod new_versions_are_compared_with_recordings;
mod nothing_that_leaves_is_unprintable;
mod numbers_at_their_limits_are_answered;
mod one_plugin_starves_no_other;
mod open_files_are_limited;
mod operators_mistakes_are_named;
mod other_languages_use_the_same_files;
mod outputs_are_json;
mod outputs_are_kept_to_a_limit;
mod path_tricks_lead_nowhere;
mod paths_mean_what_linux_says;
mod plugins_are_replaced_under_their_names;
mod profiles_add_up;
mod promises_name_their_tests;
mod races_tell_nothing;
mod real_plugins_reach_real_things;
mod real_programs_run_as_plugins;
mod recordings_are_looked_into;
mod recordings_on_the_command_line;
mod recordings_replace_a_file_when_they_are_whole;
mod replies_agree_with_reglet;
mod resets_are_exact;
mod runs_are_looked_into_by_command;
mod secrets_are_hidden;
mod settings_hold_for_every_call;
mod simulated_files_behave_like_real_ones;
mod simulated_recordings_are_one_text;
mod simulated_worlds_are_read_from_json;
mod special_files_have_their_types;
mod suggested_grants_match_the_next_run;
mod the_command_line_guards_configs_and_secrets;
mod the_command_line_speaks_as_asked;
mod the_command_line_takes_what_operators_type;
mod the_exec_plugin_sees_real_commands;
mod the_migration_page_is_true;
mod the_network_can_be_made_up;
mod the_transcript_page_is_true;
mod tls_is_judged_and_told;
mod transcripts_replay_on_every_build;
mod urls_are_fetched_hop_by_hop;
mod variables_are_told_only_where_granted;
mod wasi_conformance;
mod wasi_files_conform;
mod wasi_rights_follow_the_grants;
mod what_a_guest_reports_is_capped;
mod what_is_far_away_is_answered_as_written;
mod windows_paths_are_denied_by_default;
mod writing_reveals_no_more_than_it_must;
