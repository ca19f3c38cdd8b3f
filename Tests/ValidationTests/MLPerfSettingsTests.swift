import CostModel
import Messages
import Testing

@testable import Validation

/// Results of TensorRT-LLM, joined to the settings that submitters published.
@Suite struct MLPerfSettingsTests {
  private static let header =
    "round,platform,scenario,model,precision,gpu_batch_size,tensor_parallel,pipeline_parallel,"
    + "max_num_tokens,kv_cache_dtype,kv_free_mem_fraction,batch_policy,chunked_context\n"

  private static let own =
    "v5.1,BOX_H200_SXM_141GBx8,Offline,llama3_1-8b,fp8,64,1,1,512,fp8,0.9,max_util,True\n"

  private static let result =
    "v4.1,Us,BOX_H200x2_TRT,llama3.1-8b,Offline,NVIDIA H200-SXM-141GB-CTS,2,1,tensorrt-llm,"
    + "TensorRT 10.2.0,,,,200,,9000,128,\n"

  private func files(settings: String, results: String = result) throws -> SmallFiles {
    try SmallFiles([
      "results.csv": MLPerfTests.header + results,
      "settings.csv": Self.header + settings,
      "mlperf_lengths_cnn_dailymail_llama31_8b.csv.gz":
        "prompt_tokens,output_tokens\n100,7\n300,9\n",
    ])
  }

  private func predict(
    settings: String, results: String = result
  ) throws -> (predictions: [MLPerfPrediction], unanswered: [MLPerfPrediction.Unanswered]) {
    let files = try files(settings: settings, results: results)
    return MLPerfPrediction.predict(
      try MLPerfResult.read(path: files.path + "/results.csv"), lengths: files.path,
      settings: try MLPerfSettings.read(path: files.path + "/settings.csv"))
  }

  /// Two of three platforms with the GPU have a batch of 64; other GPUs, models, loads and rows with gaps do not count.
  @Test func whatMostHaveIsTaken() throws {
    let other = Self.own.replacing(",64,", with: ",128,")
    let files = try files(
      settings: other + Self.own + Self.own.replacing("BOX", with: "CASE")
        + other.replacing("H200_SXM_141GB", with: "H200-NVL-141GB")
        + other.replacing("llama3_1-8b", with: "llama2-70b")
        + other.replacing("Offline", with: "Server") + other.replacing(",0.9,", with: ",,")
        + other.replacing(",max_util,", with: ",,"))
    let all = try MLPerfSettings.read(path: files.path + "/settings.csv")
    #expect(all.count == 6)
    let result = try #require(MLPerfResult.read(path: files.path + "/results.csv").first)
    #expect(result.gpuName == "H200-SXM-141GB")
    let (engine, of) = try #require(MLPerfSettings.common(to: result, in: all))
    #expect(of == "2 of 3 (v5.1)")
    #expect(
      engine
        == MLPerfSettings.Engine(
          weights: .fp8, kvCache: .fp8, sequences: 64, tokens: 512, tensorParallel: 1,
          pipelineParallel: 1, memoryShare: 0.9, cutsPrompts: true))
  }

  /// A batch twice as large reads the weights half as often.
  @Test func settingsDecide() throws {
    let small = try predict(settings: Self.own).predictions
    let large = try predict(settings: Self.own.replacing(",64,", with: ",128,")).predictions
    #expect(small.map(\.settings) == ["1 of 1 (v5.1)"])
    #expect(small[0].layouts.map(\.replicas) == [2])
    let rates = (small[0].layouts[0].predicted, large[0].layouts[0].predicted)
    #expect(rates.1 > 1.02 * rates.0, "\(rates)")
  }

  @Test func whatIsMissingIsNamed() throws {
    let rows = [
      Self.result.replacing("H200-SXM-141GB-CTS", with: "H100-SXM-80GB"),
      Self.result.replacing("BOX_H200x2_TRT", with: "BOX_H200x2_TRT_MaxQ"),
      Self.result.replacing("Offline", with: "Server")
        .replacing(",,,,200,,9000", with: ",,2000,200,200,70,"),
    ]
    let answers = try predict(settings: Self.own, results: rows.joined())
    #expect(answers.predictions.isEmpty)
    #expect(
      answers.unanswered.map(\.reason) == [
        "no settings of TensorRT-LLM are published for its GPU, model and load",
        "its GPUs ran below their full power",
        "of TensorRT-LLM's results only `Offline` is answered",
      ])
  }
}
