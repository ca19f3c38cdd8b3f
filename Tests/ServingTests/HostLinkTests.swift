import KVMemory
import SimulationKernel
import Testing

@testable import Serving

@Suite struct HostLinkTests {
  /// A nanosecond a block.
  private let link = HostLink(blockBytes: 10, bandwidth: 10e9)

  private func job(_ number: Int32, blocks: Int, isLoad: Bool) -> KVTransferJob {
    KVTransferJob(
      number: number, kind: isLoad ? .load(isAsynchronous: true) : .store, sequence: number,
      request: number, chunks: [], blocks: Array(repeating: 1, count: blocks))
  }

  private func at(_ nanoseconds: Int) -> SimInstant { SimInstant(nanoseconds: Int64(nanoseconds)) }

  ///     decided   0            10 (the iteration of the store ends)    30      35
  ///     load 0    |── 5 ──|
  ///     load 2          |──── 20 ────| ends at 25
  ///     store 1                |───────── 25 ─────────| ends at 35
  @Test func eachDirectionMovesOneJobAfterTheOther() {
    var worker = HostLinkWorker(link)
    var step = KVTransferStep()
    step.jobs = [
      job(0, blocks: 5, isLoad: true), job(1, blocks: 25, isLoad: false),
      job(2, blocks: 20, isLoad: true),
    ]
    #expect(worker.move(step, at: at(0), isIdle: false) == at(0))
    #expect(worker.nextEnd == at(5))
    #expect(worker.report(at: at(10)).received == [0])
    #expect(worker.report(at: at(24)).done == [])
    #expect(worker.report(at: at(25)).received == [2])
    #expect(worker.nextEnd == at(35))
    #expect(worker.report(at: at(35)).done == [1])
    #expect(worker.totals.loadedBytes == 250 && worker.totals.storedBytes == 250)
    #expect(worker.totals.loads == 2 && worker.totals.loadNanoseconds == 5 + 25)
  }

  /// An iteration that writes to the source of a store waits for it, and so does a load into its blocks.
  @Test func anIterationWaitsForTheCopyOfItsBlocks() {
    var worker = HostLinkWorker(link)
    var step = KVTransferStep()
    step.jobs = [job(0, blocks: 30, isLoad: false)]
    _ = worker.move(step, at: at(0), isIdle: false)
    #expect(worker.report(at: at(10)).done == [])
    step.jobs = [job(1, blocks: 5, isLoad: true)]
    step.flushed = [0]
    #expect(worker.move(step, at: at(10), isIdle: false) == at(40))
    #expect(worker.totals.flushNanoseconds == 30)
    #expect(worker.report(at: at(40)).done == [0])
    #expect(worker.report(at: at(45)).received == [1])
  }

  /// No job ends before its bytes have gone over the link, each ends once, and all bytes are counted.
  @Test(arguments: 1...50)
  func jobsTakeTheirTime(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), label: "link")
    var worker = HostLinkWorker(link)
    var earliest: [Int32: SimInstant] = [:]
    var bytes = [true: 0, false: 0]
    var now = 0
    for number in 0..<60 as Range<Int32> {
      for done in worker.report(at: at(now)).done {
        #expect(earliest.removeValue(forKey: done).map { $0 <= at(now) } == true, "seed \(seed)")
      }
      var step = KVTransferStep()
      let isLoad = random.below(2) == 0
      let blocks = 1 + random.below(20)
      step.jobs = [job(number, blocks: blocks, isLoad: isLoad)]
      earliest[number] = at(now + blocks)
      bytes[isLoad, default: 0] += 10 * blocks
      _ = worker.move(step, at: at(now), isIdle: random.below(2) == 0)
      now += 1 + random.below(15)
    }
    // The last store may begin only now.
    for _ in 0..<2 {
      now += 5000
      for done in worker.report(at: at(now)).done { earliest[done] = nil }
    }
    #expect(earliest.isEmpty && worker.nextEnd == nil, "seed \(seed)")
    #expect(worker.totals.loadedBytes == bytes[true], "seed \(seed)")
    #expect(worker.totals.storedBytes == bytes[false], "seed \(seed)")
  }
}
