import Messages

/// Which options about the requests have a place in plans.
extension PlanArguments {
  /// Refuses what a plan decides by itself.
  func requireRates(_ engine: EngineOptions) throws(UserError) {
    guard engine.workload.windowFrom == 0, engine.workload.windowTo == nil else {
      throw UserError(
        "a plan measures every request: `--from-second` and `--to-second` have no place in it",
        hint: "leave them out, or use `kvplan simulate`")
    }
    guard engine.workload.maxConcurrency == nil, engine.workload.warmups == 0 else {
      throw UserError(
        "a plan is about arrivals at a rate: `--max-concurrency` and `--num-warmups` have no place "
          + "in it", hint: "leave them out, or use `kvplan simulate`")
    }
  }

  /// Refuses turns that wait, where a plan is about when the requests of a trace come.
  func requireArrivalsOfTrace(_ engine: EngineOptions) throws(UserError) {
    guard engine.workload.thinkTime == nil else {
      throw UserError(
        "`plan scale` cuts a trace into windows by when its requests come, and with `--session-think-time` turns come when "
          + "the answers before do",
        hint:
          "leave it out: every turn then comes when the trace says; `kvplan plan fleet --session-think-time` is for a "
          + "constant rate of sessions")
    }
  }
}
