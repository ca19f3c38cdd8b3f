import Foundation
import Messages
import Testing
import Workload

@testable import Validation

/// Results submitted to MLPerf Inference, read and answered.
@Suite struct MLPerfTests {
  static let header =
    "round,submitter,platform,model,scenario,accelerator,accelerators_per_node,nodes,engine,"
    + "framework,weight_dtype,ttft_limit_ms,tpot_limit_ms,queries,scheduled_rps,completed_tok_s,"
    + "mean_output_tokens_from_log,duplicate_of_99\n"

  private static let offline =
    "v5.1,Us,box,llama3.1-8b,Offline,NVIDIA H100-SXM-80GB,2,1,vllm,\"vLLM 0.10.0, RHEL 9.6\",fp8"

  private func files(_ rows: String, lengths: String = "100,7\n300,9\n") throws -> SmallFiles {
    try SmallFiles([
      "results.csv": Self.header + rows,
      "mlperf_lengths_cnn_dailymail_llama31_8b.csv.gz": "prompt_tokens,output_tokens\n" + lengths,
    ])
  }

  private func read(_ rows: String) throws -> [MLPerfResult] {
    let files = try files(rows)
    do {
      return try MLPerfResult.read(path: files.path + "/results.csv")
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: files.path, with: "DIR")
      throw error
    }
  }

  /// Twice the GPUs serve twice the tokens: the layouts are read, and the first is the one of the smallest replicas.
  @Test func offlineCountsTokensPerSecond() throws {
    let files = try files(
      Self.offline + ",,,2000,,9000,128,\n"
        + Self.offline.replacingOccurrences(of: "80GB,2,", with: "80GB,1,")
        + ",,,1000,,9000,128,\n" + Self.offline + ",,,2000,,9000,128,yes\n")
    let results = try MLPerfResult.read(path: files.path + "/results.csv")
    #expect(results.map(\.gpus) == [2, 1])
    let (predictions, unanswered) = MLPerfPrediction.predict(results, lengths: files.path)
    #expect(unanswered.isEmpty)
    #expect(predictions.map { $0.layouts.map(\.tensorParallel) } == [[1, 2], [1]])
    #expect(predictions[0].layouts.map(\.replicas) == [2, 1])
    let two = predictions[0].layouts[0].predicted
    let one = predictions[1].layouts[0].predicted
    #expect((1.98...2.02).contains(two / one), "\(two) of two, \(one) of one")
    #expect(predictions[1].error == one / 9000 - 1)
  }

  /// A rate is the highest at which the limits hold: tighter ones hold at lower rates.
  @Test func serverIsARateUnderLimits() throws {
    let server = Self.offline.replacingOccurrences(of: "Offline", with: "Server")
      .replacingOccurrences(of: "80GB,2,", with: "80GB,1,")
    let files = try files(
      server + ",2000,100,200,70,,128,\n" + server + ",2000,12,200,70,,128,\n",
      lengths: String(repeating: "700,10\n900,20\n", count: 100))
    let (predictions, _) = MLPerfPrediction.predict(
      try MLPerfResult.read(path: files.path + "/results.csv"), lengths: files.path)
    #expect(predictions.map(\.result.measured) == [70, 70])
    let rates = predictions.map { $0.layouts[0].predicted }
    #expect(rates[1] > 1 && rates[0] > 1.5 * rates[1], "\(rates)")
  }

  @Test func whatIsMissingIsNamed() throws {
    let rows = [
      Self.offline.replacingOccurrences(of: "llama3.1-8b", with: "gptj"),
      Self.offline.replacingOccurrences(of: "vllm,", with: "deepsparse,"),
      Self.offline.replacingOccurrences(of: "vLLM 0.10.0", with: "vLLM 0.4.3+rocm614"),
      Self.offline.replacingOccurrences(of: ",fp8", with: ","),
      Self.offline.replacingOccurrences(of: "H100-SXM-80GB", with: "Jetson AGX"),
    ].map { $0 + ",,,4000,,9000,128,\n" }
    let files = try files(rows.joined())
    let (predictions, unanswered) = MLPerfPrediction.predict(
      try MLPerfResult.read(path: files.path + "/results.csv"), lengths: files.path)
    #expect(predictions.isEmpty)
    #expect(
      unanswered.map(\.reason) == [
        "`gptj` is no model of the benchmark that lengths are known of",
        "`deepsparse` is not simulated here",
        "`vLLM 0.4.3+rocm614, RHEL 9.6` served with vLLM's engine before V1, which is not simulated",
        "it is not recorded how the weights were stored", "unknown device `NVIDIA Jetson AGX`",
      ])
    #expect(unanswered[0].result.id == "v5.1 Us box Offline")
  }

  @Test func mistakesAreNamedByFileAndLine() {
    let load = #expect(throws: UserError.self) {
      try read(
        Self.offline.replacingOccurrences(of: "Offline", with: "MultiStream")
          + ",,,4000,,9000,128,\n")
    }
    #expect(load?.message == "DIR/results.csv:2: unknown `scenario` `MultiStream`")
    let nothing = #expect(throws: UserError.self) { try read(Self.offline + ",,,4000,,0,128,\n") }
    #expect(nothing?.message == "DIR/results.csv:2: the result is 0")
  }

  /// Three references of 10, 20 and 60 tokens to a mean of 40 and at most 70: the last reaches its limit with a factor of
  /// 7/6, and the others the 50 tokens that are left with 5/3.
  @Test func outputsAreStretchedToAMean() {
    let lengths = MLPerfLengths(prompts: [1, 2, 3], outputs: [10, 20, 60])
    let stretched = lengths.stretched(toMean: 40, most: 70)
    #expect(stretched.outputs.reduce(0, +) == 120)
    #expect(stretched.outputs == [17, 33, 70])
    #expect(lengths.stretched(toMean: 80, most: 70).outputs == [70, 70, 70])
    #expect(lengths.stretched(toMean: 30, most: 70).outputs == [10, 20, 60])
  }

  /// Every sample is there once before one comes again.
  @Test func samplesAreDrawnInRounds() {
    let lengths = MLPerfLengths(prompts: [1, 2, 3], outputs: [10, 20, 60])
    let trace = lengths.trace(name: "three", count: 7, seed: 5)
    #expect(Set(trace.requests[..<3].map(\.promptTokens)) == [1, 2, 3])
    #expect(Set(trace.requests[3..<6].map(\.promptTokens)) == [1, 2, 3])
    #expect(trace.requests.count == 7)
    #expect(
      trace.requests.allSatisfy { $0.outputTokens == [10, 20, 60][Int($0.promptTokens) - 1] })
  }
}
