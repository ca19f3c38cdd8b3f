import Foundation
import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// A trace that is written and read again is the same trace, as far as the format can say it.
@Suite struct RoundTripTests {
  private func conversations(seed: UInt64 = 1) throws -> Trace {
    var recipe = TraceRecipe(
      lengths: .sides(prompt: .uniform(1...40), output: .uniform(1...20)), count: 300, seed: seed)
    recipe.requestRate = 2
    recipe.systemPrompts = .init(count: 3, tokens: 30, exponent: 1)
    recipe.turns = .init(mean: 3, gapSeconds: 5, added: nil, totalTokensMax: 4_000)
    return try TraceGenerator.generate(recipe)
  }

  private func reread(_ bytes: [UInt8], _ name: String) throws -> Trace {
    try TraceReader.read(bytes: bytes, name: name).trace
  }

  private func mooncake(_ trace: Trace) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try MooncakeWriter.write(trace) { bytes += $0 }
    return bytes
  }

  @Test(arguments: 0..<10 as Range<UInt64>) func csvKeepsEverything(seed: UInt64) throws {
    let trace = try conversations(seed: seed)
    #expect(try reread(TraceWriter.bytes(of: trace), trace.name) == trace)
  }

  @Test func mooncakeKeepsWhatItCanSay() throws {
    let text = """
      {"timestamp": 0, "input_length": 1030, "output_length": 500, "session_id": 0, "hash_ids": [0, 1, 2]}
      {"timestamp": 27.4825, "input_length": 1500, "output_length": 52, "hash_ids": [0, 1, 3]}

      """
    let trace = try reread(Array(text.utf8), "m")
    #expect(String(decoding: try mooncake(trace), as: UTF8.self) == text)
    let csv = try reread(TraceWriter.bytes(of: trace), "m")
    #expect(csv == trace)
    #expect(String(decoding: try mooncake(csv), as: UTF8.self) == text)
    #expect(throws: UserError.self) { try mooncake(trace.withoutArrivals()) }
    var sampled = trace
    sampled.requests[0].samples = 2
    #expect(throws: UserError.self) { try mooncake(sampled) }
  }

  /// Prompts of 600 tokens: the second shares 520 with the first, which is one block of 512 and 32 of 16; the third
  /// shares 24, one block of 16; the fourth is the first.
  @Test func mooncakeLosesWhatIsSharedBelowItsBlocks() throws {
    let text = """
      arrival_s,prompt_tokens,output_tokens,prompt_pieces
      0,600,1,7:0:600
      1,600,1,7:0:520 8:0:80
      2,600,1,7:0:24 9:0:576
      3,600,1,7:0:600

      """
    let shared = MooncakeWriter.sharedTokens(of: try reread(Array(text.utf8), "t"))
    #expect(shared == (512 + 16 + 600, 512 + 600))
  }

  @Test(.enabled(if: SharedTrace.mooncake.isThere)) func theRealMooncakeComesBack() throws {
    let trace = try TraceReader.read(path: SharedTrace.mooncake.path).trace
    let back = try reread(try mooncake(trace), trace.name)
    #expect(back == trace)
    #expect(try reread(TraceWriter.bytes(of: trace), trace.name) == trace)
  }
}
