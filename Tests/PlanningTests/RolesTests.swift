import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// Deployments whose replicas prefill and decode apart.
@Suite struct RolesTests {
  private func scenario(_ system: ServingSystem = .vllmV1) throws -> Scenario {
    Scenario(
      system: system, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
  }

  private static let link = KVLink(latency: .zero, bandwidth: 50e9)

  private func deployment(
    _ groups: [(ReplicaRole, Scenario)], link: KVLink? = link
  ) -> Deployment {
    var deployment = Deployment(
      groups: groups.map { role, scenario in
        var group = Deployment.Group(scenario)
        group.role = role
        return group
      }, router: .leastOutstanding)
    deployment.link = link
    return deployment
  }

  private func mistake(_ deployment: Deployment) -> String? {
    do {
      _ = try PreparedDeployment(deployment)
      return nil
    } catch let error as UserError {
      return error.message
    } catch {
      return "\(error)"
    }
  }

  @Test func whatDoesNotFitTogetherIsSaid() throws {
    let one = try scenario()
    var blocks = one
    blocks.blockSize = 32
    var bytes = one
    bytes.kvCache = .fp8
    #expect(
      mistake(deployment([(.prefill, one)]))
        == "no replica has the role `decode`: no request would be served to its end")
    #expect(
      mistake(deployment([(.decode, one)]))
        == "no replica has the role `prefill`: no request would be served to its end")
    #expect(
      mistake(deployment([(.prefill, one), (.both, one)]))
        == "replicas that prefill and decode stand beside replicas that do one of them")
    #expect(
      mistake(deployment([(.prefill, one), (.decode, one)], link: nil))
        == "`--kv-transfer-bandwidth` is missing: replicas that decode read keys and values of others"
    )
    #expect(
      mistake(deployment([(.both, one)]))
        == "`--kv-transfer-bandwidth` is of replicas that read the keys and values of others, and there are none"
    )
    #expect(
      mistake(deployment([(.prefill, try scenario(.sglang05)), (.decode, one)]))
        == "`sglang` is not simulated with prefill and decode apart")
    #expect(
      mistake(deployment([(.prefill, blocks), (.decode, one)]))
        == "the replicas have the block sizes 32 and 16, and none reads the other's")
    #expect(
      mistake(deployment([(.prefill, one), (.decode, bytes)]))
        == "the replicas have the types of keys and values auto and fp8, and none reads the other's"
    )
    #expect(mistake(deployment([(.prefill, one), (.decode, one)])) == nil)
  }

  /// Prompts of 100, 190, … tokens: the first eleven have at most 1,000 and stay.
  @Test func shortPromptsAreNotHandedOff() throws {
    let requests = (0..<30 as Range<Int64>).map {
      Request(
        arrival: SimInstant(nanoseconds: $0 * 40_000_000), promptTokens: Int32(100 + 90 * $0),
        outputTokens: 20)
    }
    let trace = Trace(name: "steady", requests: requests, hasArrivals: true)
    let one = try scenario()
    var apart = deployment([(.prefill, one), (.decode, one)])
    apart.localPrefillMax = 1000
    let result = try Simulation.run(apart, trace: trace).result
    #expect(result.summary.handOffs?.requests == 19 && result.summary.completed == 30)
    #expect(result.requests.map { $0.handOff == nil } == (0..<30).map { $0 < 11 })
    #expect(
      result.summary.provenance.scenario.contains(
        ScenarioField("max-local-prefill-length", "1000")))
    var whole = Deployment(one)
    whole.localPrefillMax = 1000
    #expect(
      mistake(whole)
        == "`--max-local-prefill-length` is of replicas that decode for others, and there are none")
  }

  /// Llama 3.1 8B keeps 2 · 32 layers · 8 heads · 128 · 2 bytes = 131,072 a token, however many GPUs share the heads.
  /// Each role has a command of its own, with its settings and the connector.
  @Test func eachRoleHasACommand() throws {
    var wide = try scenario()
    wide.tensorParallel = 2
    let commands = deployment([(.prefill, try scenario()), (.decode, wide)]).serveCommands
    #expect(commands.map(\.role) == [.prefill, .decode])
    let connector =
      #" --kv-transfer-config '{"kv_connector": "NixlConnector", "kv_role": "kv_both"}' "#
    for (number, (_, command)) in commands.enumerated() {
      #expect(command.hasPrefix("vllm serve meta-llama/Llama-3.1-8B"))
      #expect(command.contains(" --tensor-parallel-size \(number + 1) "))
      #expect(command.contains(connector))
    }
    let both = Deployment(try scenario()).serveCommands
    #expect(both.count == 1 && both[0].role == .both && !both[0].command.contains("kv-transfer"))
  }

  @Test func wholeBlocksAreRead() throws {
    for tensorParallel in [1, 4] {
      var scenario = try scenario()
      scenario.tensorParallel = tensorParallel
      let resolved = try scenario.resolved(prices: .own)
      #expect(resolved.kvBytes(40, behind: 0) == 48 * 131_072)
      #expect(resolved.kvBytes(16, behind: 32) == 16 * 131_072)
    }
  }

  /// The phases of requests add up to their latency, and a free link takes no time.
  @Test func phasesAddUpToTheLatency() throws {
    let requests = (0..<30 as Range<Int64>).map {
      Request(
        arrival: SimInstant(nanoseconds: $0 * 40_000_000), promptTokens: Int32(100 + 90 * $0),
        outputTokens: 20)
    }
    let trace = Trace(name: "steady", requests: requests, hasArrivals: true)
    let one = try scenario()
    for (link, takesTime) in [(Self.link, true), (.free, false)] {
      let simulation = try Simulation.run(
        deployment([(.prefill, one), (.decode, one)], link: link), trace: trace)
      let summary = simulation.result.summary
      let means = try #require(summary.handOffs).means
      let latency = try #require(summary.e2el.mean)
      #expect(abs(means.reduce(0) { $0 + $1.milliseconds } - latency) < 1e-9 * latency)
      let transfer = try #require(means.first { $0.name == "transfer" })
      #expect((transfer.milliseconds > 0) == takesTime)
      #expect(summary.handOffs?.requests == 30 && summary.completed == 30)
    }
  }
}
