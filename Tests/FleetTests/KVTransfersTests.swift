import Serving
import SimulationKernel
import Testing

@testable import Fleet

/// Transfers share the links of the replicas at both ends.
@Suite struct KVTransfersTests {
  private static let second = SimDuration(nanoseconds: 1_000_000_000)

  private func instant(_ seconds: Int64) -> SimInstant {
    SimInstant(nanoseconds: seconds * 1_000_000_000)
  }

  /// When each request's transfer ends, once nothing more begins.
  private func ends(_ transfers: inout KVTransfers) -> [RequestID: SimInstant] {
    var ends: [RequestID: SimInstant] = [:]
    while transfers.nextChange < .distantFuture {
      let now = transfers.nextChange
      for request in transfers.advance(to: now) { ends[request] = now }
    }
    return ends
  }

  @Test func aloneItTakesTheLatencyAndItsBytes() {
    var transfers = KVTransfers(
      KVLink(latency: SimDuration(nanoseconds: 2_000_000_000), bandwidth: 100))
    transfers.begin(7, bytes: 1000, from: 0, to: 1, at: instant(1))
    #expect(ends(&transfers) == [7: instant(13)])
    #expect(transfers.isEmpty)
  }

  /// 1,000 bytes at 100 a second each, the second five seconds later.
  ///
  ///     0 s   a 100/s   5 s   a, b 50/s   15 s   b 100/s   20 s
  @Test(arguments: [(0, 1, 0, 2), (1, 0, 2, 0)])
  func twoShareTheEndThatTheyHaveInCommon(_ ways: (a: Int, A: Int, b: Int, B: Int)) {
    var transfers = KVTransfers(KVLink(latency: .zero, bandwidth: 100))
    transfers.begin(0, bytes: 1000, from: ways.a, to: ways.A, at: instant(0))
    #expect(transfers.advance(to: instant(0)).isEmpty)
    #expect(transfers.advance(to: instant(5)).isEmpty)
    transfers.begin(1, bytes: 1000, from: ways.b, to: ways.B, at: instant(5))
    #expect(ends(&transfers) == [0: instant(15), 1: instant(20)])
  }

  @Test func thoseWithoutAnEndInCommonDoNotSlowEachOther() {
    var transfers = KVTransfers(KVLink(latency: .zero, bandwidth: 100))
    transfers.begin(0, bytes: 1000, from: 0, to: 2, at: instant(0))
    transfers.begin(1, bytes: 500, from: 1, to: 3, at: instant(0))
    #expect(ends(&transfers) == [0: instant(10), 1: instant(5)])
  }

  @Test func aFreeLinkTakesNoTime() {
    var transfers = KVTransfers(.free)
    transfers.begin(0, bytes: 1 << 40, from: 0, to: 1, at: instant(3))
    #expect(ends(&transfers) == [0: instant(3)])
  }

  /// Two read one replica at half its bandwidth each; one of them fails when both have a quarter, and the other has the
  /// whole for the rest.
  @Test func aFailureGivesOthersItsShare() {
    var transfers = KVTransfers(KVLink(latency: .zero, bandwidth: 1))
    transfers.begin(0, bytes: 100, from: 0, to: 1, at: instant(0))
    transfers.begin(1, bytes: 100, from: 0, to: 2, at: instant(0))
    #expect(transfers.advance(to: instant(0)) == [])
    transfers.cancel(of: 2, at: instant(50))
    #expect(ends(&transfers) == [0: instant(125)])
    #expect(transfers.isEmpty)
  }

  /// Each ends once, not before what it takes alone, and not after what it takes with all others on its way; whatever goes
  /// through one end fits through it.
  @Test(arguments: 0..<40 as Range<UInt64>) func boundsHold(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "transfers")
    let bandwidth = 1000.0
    let link = KVLink(
      latency: SimDuration(nanoseconds: Int64(chance.below(3)) * 500_000_000), bandwidth: bandwidth)
    var transfers = KVTransfers(link)
    struct Sent {
      var bytes: Int
      var source: Int
      var begin: SimInstant
    }
    var sent: [Sent] = []
    var ended: [RequestID: SimInstant] = [:]
    var now = SimInstant.zero
    for _ in 0..<20 {
      now = now + SimDuration(nanoseconds: Int64(chance.below(2000)) * 1_000_000)
      while transfers.nextChange <= now {
        let change = transfers.nextChange
        for request in transfers.advance(to: change) {
          #expect(ended.updateValue(change, forKey: request) == nil)
        }
      }
      let (bytes, source) = (1 + chance.below(5000), chance.below(3))
      transfers.begin(
        RequestID(sent.count), bytes: bytes, from: source, to: 3 + chance.below(2), at: now)
      sent.append(Sent(bytes: bytes, source: source, begin: now))
    }
    for (request, end) in ends(&transfers) {
      #expect(ended.updateValue(end, forKey: request) == nil)
    }
    #expect(ended.count == sent.count)
    for (request, one) in sent.enumerated() {
      let start = one.begin + link.latency
      let alone = Double(one.bytes) / bandwidth
      #expect(ended[RequestID(request)]! >= start + SimDuration(rounding: alone))
      #expect(
        ended[RequestID(request)]! <= start + SimDuration(rounding: alone * Double(sent.count)))
    }
    for source in 0..<3 {
      let own = sent.indices.filter { sent[$0].source == source }
      guard let first = own.map({ sent[$0].begin }).min() else { continue }
      let last = own.map { ended[RequestID($0)]! }.max()!
      let bytes = own.reduce(0) { $0 + sent[$1].bytes }
      // Instants are whole nanoseconds.
      let nanosecond = SimDuration(nanoseconds: 1)
      #expect(Double(bytes) <= bandwidth * (last + nanosecond - first - link.latency).seconds)
    }
  }
}

private func - (a: SimDuration, b: SimDuration) -> SimDuration {
  SimDuration(nanoseconds: a.nanoseconds - b.nanoseconds)
}
