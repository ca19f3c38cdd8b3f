import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel

extension Deployment {
  /// That the failures are those of replicas that there are, one at a time.
  ///
  /// - Throws: ``UserError`` for outages that overlap, and for replicas that are none or cannot fail.
  func checkFailures() throws {
    guard let failures else { return }
    // Those that swap keep what runs in the order of the trace, and a request that failed comes again behind younger ones.
    for system in groups.map(\.scenario.system) where system.capabilities.swaps {
      throw UserError(
        "failures are not simulated with `\(system.name)`, which serves requests in the order of the trace",
        hint: "choose another system, such as `vllm-v1`")
    }
    guard router.loadPeriod == .zero else {
      throw UserError(
        "failures beside `--router-load-period` are not simulated: what a router hears of a failed replica is not known",
        hint: "leave one of them out")
    }
    guard case .listed(let outages) = failures else { return }
    for outage in outages where outage.replica >= replicas {
      throw UserError(
        "`--fail`: there is no replica \(outage.replica): the \(replicas) are numbered from 0",
        hint: "give a replica up to \(replicas - 1)")
    }
    let inOrder = outages.sorted { ($0.replica, $0.start) < ($1.replica, $1.start) }
    for (first, second) in zip(inOrder, inOrder.dropFirst())
    where first.replica == second.replica && first.end > second.start {
      let back = first.length == nil ? "never back" : "back at \(first.end.seconds) s"
      throw UserError(
        "`--fail`: replica \(first.replica) fails at \(first.start.seconds) s and again at "
          + "\(second.start.seconds) s, but is \(back)",
        hint: "give one longer outage")
    }
  }

  /// How replicas fail, as results repeat it.
  var failureFields: [ScenarioField] {
    switch failures {
    case nil: []
    case .listed(let outages)?:
      [
        ScenarioField(
          "fail",
          outages.map { outage in
            "replica=\(outage.replica),at=\(outage.start.seconds)"
              + (outage.length.map { ",for=\($0.seconds)" } ?? "")
          }.joined(separator: "; "))
      ]
    case .drawn(let meanUp, let meanDown)?:
      [ScenarioField("mtbf", "\(meanUp)"), ScenarioField("mttr", "\(meanDown)")]
    }
  }
}
