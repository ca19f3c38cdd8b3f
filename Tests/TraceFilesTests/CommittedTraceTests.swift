import Foundation
import Testing
import Workload

@testable import TraceFiles

/// The traces in `traces/` are what the generator makes, and what `traces/README.md` says.
@Suite struct CommittedTraceTests {
  /// How each file was made; see `traces/README.md`.
  private static let count = 50_000
  private static let seed: UInt64 = 0

  private func url(_ preset: LengthPreset) -> URL {
    repositoryRoot.appending(path: "traces/\(preset.rawValue).csv")
  }

  @Test(arguments: [LengthPreset.sharegpt, .alpaca])
  func filesAreWhatTheGeneratorWrites(_ preset: LengthPreset) throws {
    let trace = try TraceGenerator.generate(preset: preset, count: Self.count, seed: Self.seed)
    let bytes = TraceWriter.bytes(of: trace)
    let isEqual = try Data(contentsOf: url(preset)) == Data(bytes)
    #expect(isEqual, "traces/\(preset.rawValue).csv differs from what the generator writes")
    #expect(bytes.count < 600_000)
  }

  /// So the figures that are tested of the generator's traces hold for the files.
  @Test(arguments: [LengthPreset.sharegpt, .alpaca])
  func filesReadAsTheGeneratorMadeThem(_ preset: LengthPreset) throws {
    let trace = try TraceReader.read(path: url(preset).path).trace
    let made = try TraceGenerator.generate(preset: preset, count: Self.count, seed: Self.seed)
    #expect(trace.requests == made.requests)
    #expect(!trace.hasArrivals)
  }
}
