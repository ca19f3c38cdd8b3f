import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

@Suite struct TraceWriterTests {
  private func text(_ trace: Trace) -> String {
    String(decoding: TraceWriter.bytes(of: trace), as: UTF8.self)
  }

  @Test func writesOnlyTheColumnsThatSaySomething() {
    var trace = Trace(
      name: "t",
      requests: [
        Request(promptTokens: 10, outputTokens: 20),
        Request(
          arrival: SimInstant(nanoseconds: 4_500_000_000), promptTokens: 11, outputTokens: 21),
      ],
      hasArrivals: true)
    #expect(text(trace) == "arrival_s,prompt_tokens,output_tokens\n0,10,20\n4.5,11,21\n")

    trace = trace.withoutArrivals()
    trace.requests[0].session = 0
    trace.requests[1].samples = 4
    #expect(
      text(trace)
        == "arrival_s,prompt_tokens,output_tokens,n,session_id\n,10,20,1,0\n,11,21,4,\n")

    trace.requests[0].session = nil
    trace.requests[1].samples = 1
    trace.requests[1].beamWidth = 2
    #expect(
      text(trace) == "arrival_s,prompt_tokens,output_tokens,beam_width\n,10,20,0\n,11,21,2\n")
  }

  @Test(arguments: 0..<200 as Range<UInt64>) func whatIsWrittenReadsBack(seed: UInt64) throws {
    var stream = RandomStream(seed: seed, label: "round trip")
    let trace = anyTrace(&stream)
    let reading = try TraceReader.read(bytes: TraceWriter.bytes(of: trace), name: trace.name)
    #expect(reading.trace == trace)
    #expect(reading.warnings.isEmpty)
  }

  @Test func handsOutChunks() throws {
    let trace = try TraceGenerator.generate(preset: .sharegpt, count: 20_000, seed: 0)
    var chunks: [[UInt8]] = []
    TraceWriter.write(trace) { chunks.append($0) }
    #expect(chunks.count == 3)
    #expect(chunks.allSatisfy { $0.count < 70_000 })
    #expect(Array(chunks.joined()) == TraceWriter.bytes(of: trace))
  }
}
