import CostModel
import Foundation
import Messages
import Planning
import Serving
import SimulationKernel
import Testing

@testable import MockServing

@Suite struct MockServerTests {
  private func resolved() throws -> ResolvedScenario {
    try MockSettings(words: ["--model", "llama-3.1-8b", "--device=h100-sxm"]).scenario().resolved()
  }

  /// A hundred times as fast: 20 iterations of some 10 ms take 2 ms, and never less than they are simulated to.
  @Test func tokensComeOnTheWallClock() async throws {
    let resolved = try resolved()
    let server = try MockServer(LiveReplica(resolved, capacity: 10), timeScale: 100)
    let request = try CompletionRequest(
      .text, body: Data(#"{"prompt": "a prompt", "max_tokens": 20}"#.utf8),
      served: .init(model: "m", modelLength: 1000))
    let start = ContinuousClock.now
    var deliveries: [Delivery] = []
    for await delivery in try await server.serve(request) { deliveries.append(delivery) }
    let took = (ContinuousClock.now - start) / .seconds(1)
    #expect(deliveries.count == 20)
    let last = try #require(deliveries.last)
    let arrival = try #require(last.finished).arrival
    #expect(took >= (last.time - arrival).seconds / 100)
    let page = await server.metricsText(model: "m")
    #expect(page.contains("vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 20\n"))
    #expect(page.contains("vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 0\n"))
    #expect(await server.brokenBy == nil)
  }

  @Test func theTimeScaleIsPositive() throws {
    let resolved = try resolved()
    #expect(
      throws: UserError("`--time-scale` must be above 0 and at most 1000000, found `0.0`")
    ) { try MockServer(LiveReplica(resolved, capacity: 1), timeScale: 0) }
  }
}

@Suite struct MockSettingsTests {
  private func mistake(_ words: String) -> UserError? {
    do {
      _ = try MockSettings(words: words.split(separator: " ").map(String.init)).scenario()
      return nil
    } catch { return error as? UserError }
  }

  @Test func flagsAreRowsOfTheTableOfSettings() throws {
    let scenario = try MockSettings(words: [
      "--no-enable-prefix-caching", "--model", "qwen3-32b", "--device", "b200", "--max-num-seqs=64",
      "--enforce-eager", "--tp-size", "2",
    ]).scenario()
    #expect(scenario.model.name == "qwen3-32b")
    #expect(scenario.device.name == "b200")
    #expect(scenario.system.name == ServingSystem.today.name)
    #expect(scenario.maxSequences == 64)
    #expect(scenario.tensorParallel == 2)
    #expect(scenario.prefixCaching == false)
    #expect(scenario.enforceEager == true)
  }

  @Test func mistakesAreNamed() {
    let hint = "such as `--model llama-3.1-8b --device h100-sxm`"
    let both = "--model llama-3.1-8b --device h100-sxm "
    #expect(mistake("--model llama-3.1-8b") == UserError("`--device` is missing", hint: hint))
    #expect(
      mistake("llama-3.1-8b")
        == UserError("`llama-3.1-8b` is neither a flag nor the value of one", hint: hint))
    #expect(
      mistake(both + "--request-rate 5")
        == UserError(
          "`--request-rate` says how requests come: here clients do",
          hint: "leave it out, and set it on the load generator"))
    #expect(
      mistake(both + "--block-size 16 --block-size 32")
        == UserError("`--block-size` is given twice"))
    #expect(
      mistake(both + "--max-num-sequences 4")
        == UserError(
          "unknown setting `max-num-sequences`", hint: "did you mean `max-num-seqs`?"))
    #expect(
      mistake(both + "--max-num-seqs x")
        == UserError("`max-num-seqs` must be a whole number, or `default`, found `x`"))
  }
}
