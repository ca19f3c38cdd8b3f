import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

extension Deployment {
  /// Whether the replicas tell the router what it asks for.
  ///
  /// - Throws: ``UserError`` for replicas that do not tell what their prefix caches hold, and reports of replicas that
  ///   prefill and decode apart.
  func checkRouter() throws {
    guard router.loadPeriod == .zero || !handsOff else {
      throw UserError(
        "`--router-load-period` is not simulated with prefill and decode apart",
        hint: "leave one of `--router-load-period` and `role=` out")
    }
    guard router.needs == .caches else { return }
    for scenario in groups.map(\.scenario) {
      guard scenario.system.capabilities.tellsCache, scenario.dataParallel == 1 else {
        let ranks = scenario.dataParallel > 1 ? " with `--data-parallel-size`" : ""
        throw UserError(
          "`--router \(router.name)` asks what prefix caches hold, which `\(scenario.system.name)`\(ranks) does not tell",
          hint: "`--router \(Router.llmd.name)` estimates it")
      }
    }
  }

  /// - Throws: ``UserError`` for a trace that does not say what its prompts consist of, where the router compares them.
  func checkRouter(for trace: Trace) throws {
    guard router.needs == .nothing || trace.contents != nil || replicas == 1 else {
      throw UserError(
        "`--router \(router.name)` compares prompts, and `\(trace.name)` does not say what they consist of",
        hint: "choose a router that reads loads, such as `\(Router.llmdLoad.name)`")
    }
  }

  /// How requests are shared out, as results record it.
  var routerFields: [ScenarioField] {
    var fields = [
      ScenarioField("replicas", "\(replicas)"), ScenarioField("router", router.name),
    ]
    if router.loadPeriod > .zero {
      fields.append(ScenarioField("router-load-period", "\(router.loadPeriod.seconds)"))
    }
    return fields
  }
}
