import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// A small engine of TensorRT-LLM.
///
/// - Parameter blocks: Blocks that requests can use.
func trtllmSettings(
  blocks: Int, block: Int = 4, tokens: Int = 64, batch: Int = 8, length: Int = 256,
  _ change: (inout TRTLLMOptions) -> Void = { _ in }
) -> EngineSettings {
  var settings = EngineSettings(
    blockSize: block, deviceBlocks: blocks + 1, maxSequences: batch, maxBatchedTokens: tokens,
    maxModelLength: length)
  change(&settings.trtllm)
  return settings
}

extension Timeline where S == TRTLLMScheduler {
  /// TensorRT-LLM's scheduler, and prompts that may begin alike.
  init(trtllm drawn: [DrawnRequest], _ settings: EngineSettings) {
    let (requests, contents) = (drawn.requests, drawn.contents)
    let scheduler = TRTLLMScheduler(
      requests: RunRequests(requests), settings: settings, contents: contents)
    self.init(scheduler, requests: requests, names: drawn.map(\.name))
  }
}

/// What TensorRT-LLM does with some requests, as a log.
func trtllmLog(_ drawn: [DrawnRequest], _ settings: EngineSettings) -> String {
  var timeline = Timeline(trtllm: drawn, settings)
  timeline.run()
  return timeline.log
}

/// The same as a picture.
func trtllmPicture(_ drawn: [DrawnRequest], _ settings: EngineSettings) -> String {
  var timeline = Timeline(trtllm: drawn, settings)
  return timeline.run()
}
