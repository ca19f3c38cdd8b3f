import Messages
import SimulationKernel
import Testing
import Workload

@testable import Validation

/// The benchmark of routers, read and replayed.
@Suite struct RouterReplayTests {
  private static let setting = RouterMeasurement.Setting(
    modelName: "Qwen3-32B", gpu: "H100 80GB", tensorParallel: 2, pods: 2, prefixes: 3,
    promptsPerPrefix: 2, prefixTokens: 640, questionTokens: 70, outputTokens: 4, kvTokens: 12_800)

  /// Six prompts in an order that every stage begins anew; two of them share all but the question.
  @Test func stagesSendTheSamePrompts() {
    let stages = [RouterStage(rate: 4, seconds: 2), RouterStage(rate: 2.5, seconds: 1)]
    #expect(stages.map(\.requests) == [8, 2])
    let trace = RouterReplay(Self.setting, stages).trace()
    #expect(trace.requests.count == 10)
    guard let contents = trace.contents else { return }
    contents.requireMatch(trace.requests)
    let prompts = (0..<10).map { contents.pieces(of: $0).map(\.stream) }
    #expect(prompts[6...7] == prompts[0...1])
    #expect(prompts[8...9] == prompts[0...1])
    #expect(Set(prompts[0..<6].map { $0[1] }).count == 6)
    #expect(Dictionary(grouping: prompts[0..<6], by: { $0[0] }).values.allSatisfy { $0.count == 2 })
    let gaps = zip(trace.requests.dropFirst(), trace.requests).map {
      ($0.arrival - $1.arrival).seconds
    }
    #expect(gaps[7] > 1000)
    #expect(gaps.filter { $0 > 1000 }.count == 1)
  }

  /// A stage whose prompts the stage before left in the caches has its first tokens sooner.
  @Test func cachesStayWarm() throws {
    let stage = RouterStage(rate: 2, seconds: 3)
    let results = try RouterReplay(Self.setting, [stage, stage]).results(of: .precise)
    #expect(results.map(\.stage) == [stage, stage])
    #expect(results[1].ttft < results[0].ttft / 2)
    for result in results {
      #expect(abs(result.throughput - 6 * 4 / result.seconds) < 1e-9)
    }
  }

  @Test func readsRowsAndNamesMistakes() throws {
    let head =
      "model,gpu,tp,pods,prefixes,prompts_per_prefix,prefix_tokens,question_tokens,output_tokens,arrivals,"
      + "qps_target,policy,out_tok_s,ttft_mean_s,kv_tokens_per_pod\n"
    let row = { (rate: String, policy: String) in
      "Qwen3-32B,H100 80GB,2,2,3,2,640,70,4,poisson,\(rate),\(policy),100,0.5,12800\n"
    }
    let files = try SmallFiles([
      "known.csv": head + row("all", "random-scheduling") + row("3.0", "precise-scheduling"),
      "unknown.csv": head + row("3.0", "sticky"),
    ])
    let rows = try RouterMeasurement.read(path: files.path + "/known.csv")
    #expect(rows.map(\.rate) == [nil, 3])
    #expect(rows.map(\.policy) == [.random, .precise])
    #expect(rows[1].setting == Self.setting)
    func message(_ body: () throws -> Void) -> String? {
      do { try body() } catch let error as UserError { return error.message } catch {}
      return nil
    }
    let unknown = files.path + "/unknown.csv"
    #expect(
      message { _ = try RouterMeasurement.read(path: unknown) }
        == "\(unknown):2: unknown `policy` `sticky`; there are `precise-scheduling`, `estimated-scheduling`, "
        + "`random-scheduling`, `load-scheduling`")
    #expect(
      message { _ = try RouterComparison(rows, [RouterStage(rate: 4, seconds: 2)], server: .none) }
        == "no stage has the rate 3.0 of `precise-scheduling`")
  }
}
