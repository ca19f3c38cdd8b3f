import CostModel
import Testing

@testable import Reproduction

/// Prefill and decode attention side by side.
@Suite struct OverlapReportTests {
  /// The longer of both, and what the serial one takes beyond it.
  @Test func theLongerCounts() {
    let times = HybridBatch.Times(linear: 4, prefill: 1, decode: 3)
    #expect(times.serialAttention == 4 && times.overlappedAttention == 3)
    #expect(times.shorterShare == 0.25)
    #expect(times.attentionGain == 4.0 / 3 - 1)
    #expect(times.gain == 8.0 / 7 - 1)
  }

  /// No more than twice as fast, and most where both take as long.
  @Test func gainsPeakWhereBothTakeAsLong() throws {
    let batch = try HybridBatch(
      try ModelCatalogue.find("llama-3-8b"), on: "a100-80gb", gpus: 2)
    let times = [1, 8, 32, 64, 128, 256].map {
      batch.times(.init(chunk: 1024, chunkContext: 8192, decodes: $0, context: 16_384))
    }
    #expect(times.map(\.prefill).allSatisfy { $0 == times[0].prefill })
    #expect(times.map(\.decode) == times.map(\.decode).sorted())
    for time in times { #expect(time.attentionGain > 0 && time.attentionGain <= 1) }
    let best = times.max { $0.attentionGain < $1.attentionGain }
    let nearest = times.max { $0.shorterShare < $1.shorterShare }
    #expect(best == nearest)
  }
}
