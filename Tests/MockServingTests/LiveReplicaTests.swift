import CostModel
import Fleet
import Serving
import SimulationKernel
import Testing
import Workload

@testable import MockServing

/// Every iteration takes 10 ns.
final class TenNanoseconds: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")

  func duration(of work: IterationWork) -> SimDuration { SimDuration(nanoseconds: 10) }
}

func at(_ nanoseconds: Int64) -> SimInstant { SimInstant(nanoseconds: nanoseconds) }

@Suite struct LiveReplicaTests {
  private func settings(_ system: ServingSystem) -> EngineSettings {
    EngineSettings(
      blockSize: 4, deviceBlocks: system.capabilities.isPaged ? 24 : 90, hostBlocks: 1000,
      maxSequences: 5, maxBatchedTokens: 60, maxModelLength: 56)
  }

  private func replica(
    _ system: ServingSystem = .vllmV1, answerTime: Int64 = 0, capacity: Int = 100
  ) throws -> LiveReplica {
    try LiveReplica(
      system, settings: settings(system), prices: TenNanoseconds(),
      answerTime: SimDuration(nanoseconds: answerTime), capacity: capacity)
  }

  ///     0        10       20       30       40
  ///     |── 0: 1st ─|─ 0: 2nd ─|─ 0: 3rd, 1: 1st ─|     request 1 comes at 15
  @Test func tokensComeWhenIterationsEnd() throws {
    let replica = try replica()
    #expect(replica.next == nil)
    let first = try replica.submit(promptTokens: 8, outputTokens: 3, at: .zero)
    #expect(first == .taken(0))
    #expect(replica.next == .zero)
    #expect(try replica.advance(to: at(9)).isEmpty)
    #expect(replica.next == at(10))
    #expect(replica.queues == (1, 0))
    #expect(
      try replica.advance(to: at(12)) == [
        Delivery(request: 0, tokens: 1, time: at(10), before: .zero, isFirst: true)
      ])
    #expect(try replica.submit(promptTokens: 8, outputTokens: 1, at: at(15)) == .taken(1))
    #expect(replica.queues == (1, 1))
    let rest = try replica.advance(to: at(100))
    #expect(rest.map(\.time) == [20, 30, 30].map(at))
    #expect(rest.map(\.request) == [0, 0, 1])
    #expect(
      rest[1].finished
        == .init(arrival: .zero, firstToken: at(10), promptTokens: 8, outputTokens: 3))
    #expect(rest[2].before == at(15))
    #expect(replica.next == nil)
    #expect(replica.queues == (0, 0))
  }

  /// Requests that come one by one are served as the same requests of a trace, to the nanosecond, whenever somebody looks.
  @Test(
    arguments: [.vllmSOSP23, .vllm02, .vllmV1, .sglang05, .trtllm1, .orcaOracle] as [ServingSystem],
    0..<8 as Range<UInt64>)
  func servesAsATraceIsServed(system: ServingSystem, seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "live")
    var arrival: Int64 = 0
    let requests = (0..<40).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 5 : 0
      return Request(
        arrival: at(arrival), promptTokens: Int32(1 + chance.below(24)),
        outputTokens: Int32(1 + chance.below(32)))
    }
    let record = try system.serve(
      requests, settings: settings(system), executor: PricedExecutor(TenNanoseconds()))
    let replica = try replica(system)
    var deliveries: [Delivery] = []
    for request in requests {
      while chance.below(3) > 0, let next = replica.next, next < request.arrival {
        deliveries += try replica.advance(to: next)
      }
      _ = try replica.submit(
        promptTokens: Int(request.promptTokens), outputTokens: Int(request.outputTokens),
        at: request.arrival)
    }
    deliveries += try replica.advance(to: at(1_000_000))
    #expect(deliveries.map(\.time) == deliveries.map(\.time).sorted())
    for (index, request) in requests.enumerated() {
      let own = deliveries.filter { $0.request == RequestID(index) }
      #expect(own.first?.time == record.milestones[index].firstToken)
      #expect(own.last?.time == record.milestones[index].finish)
      #expect(own.reduce(0) { $0 + $1.tokens } == Int(request.outputTokens))
      #expect(own.last?.finished != nil)
    }
  }

  @Test func answersTakeTheServersTime() throws {
    let replica = try replica(answerTime: 7)
    _ = try replica.submit(promptTokens: 8, outputTokens: 2, at: .zero)
    #expect(try replica.advance(to: at(16)).isEmpty)
    #expect(try replica.advance(to: at(100)).map(\.time) == [17, 27].map(at))
  }

  @Test func whatCannotBeServedIsSaid() throws {
    let replica = try replica(capacity: 2)
    #expect(try replica.submit(promptTokens: 100, outputTokens: 2, at: .zero) == .tooLarge)
    #expect(try replica.submit(promptTokens: 10, outputTokens: 2, at: .zero) == .taken(1))
    #expect(try replica.submit(promptTokens: 10, outputTokens: 2, at: .zero) == .worn)
    #expect(try replica.advance(to: at(100)).count == 2)
  }
}
