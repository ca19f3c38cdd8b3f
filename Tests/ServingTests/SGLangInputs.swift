import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// A small engine of SGLang with pages of one token and without the overlap loop.
func sglangSettings(
  pool: Int, page: Int = 1, chunk: Int = 64, running: Int = 8, length: Int = 256,
  _ change: (inout SGLangOptions) -> Void = { _ in }
) -> EngineSettings {
  var settings = EngineSettings(
    blockSize: page, deviceBlocks: pool / page, maxSequences: running, maxBatchedTokens: chunk,
    maxModelLength: length)
  settings.sglang.overlap = false
  change(&settings.sglang)
  return settings
}

extension Timeline where S == SGLangScheduler {
  /// SGLang's scheduler, and prompts that may begin alike.
  ///
  /// - Parameter asks: What clients ask for; `nil` for their output.
  init(sglang drawn: [DrawnRequest], _ settings: EngineSettings, asks: [SGLangAsk]? = nil) {
    let (requests, contents) = (drawn.requests, drawn.contents)
    let scheduler = SGLangScheduler(
      requests: RunRequests(requests), settings: settings, contents: contents, asks: asks)
    self.init(scheduler, requests: requests, names: drawn.map(\.name))
  }
}

/// What SGLang does with some requests, as a log.
func sglangLog(_ drawn: [DrawnRequest], _ settings: EngineSettings) -> String {
  var timeline = Timeline(sglang: drawn, settings)
  timeline.run()
  return timeline.log
}

/// The same as a picture.
func sglangPicture(
  _ drawn: [DrawnRequest], _ settings: EngineSettings, asks: [SGLangAsk]? = nil
) -> String {
  var timeline = Timeline(sglang: drawn, settings, asks: asks)
  return timeline.run()
}
