import KVMemory
import Serving

extension V1Golden {
  /// The connector of the recorded engine.
  func makeConnector() -> (any KVConnector)? {
    guard let connector, let groups else { return nil }
    guard let options = connector.offloading else {
      return RemoteKVConnector(remoteWork.map(\.request), defersFrees: connector.defersFrees)
    }
    return OffloadingConnector(options, groups: groups)
  }
}

/// What a KV connector decides, and what a worker reports.
extension V1Replay {
  /// Lets the connector see who is complete in the engine's order, that of a hash table.
  mutating func seeCompleted(_ comparison: StepComparison) throws {
    guard golden.connector?.offloading != nil else { return }
    let names = try comparison.record.strings("fin_seen")
    let seen = try names.map { Int32(try golden.index(of: $0, in: comparison.record)) }
    guard scheduler.seeCompleted(inOrder: seen) else {
      throw Divergence(
        step: comparison.step, field: "fin_seen", expected: "\(names)", got: "others")
    }
  }

  func compareTransfers(_ step: KVTransferStep, _ comparison: StepComparison) throws {
    let loading = step.loading.map {
      entry($0.request, Int($0.cachedTokens), Int($0.externalTokens))
    }
    try comparison.compare("load", try entries("load", comparison.record), loading)
    let loads = step.jobs.filter { $0.kind != .store }.map { job in
      let lists = [job.chunks.map { Int($0) }, job.blocks.map { Int($0) }]
      return Job(
        number: Int(job.number), name: golden.names[Int(job.request)], lists: lists,
        isSynchronous: job.kind == .load(isAsynchronous: false))
    }
    try comparison.compare("loads", try jobs("loads", comparison.record), loads)
    let stores = step.jobs.filter { $0.kind == .store }.map { job in
      Job(
        number: Int(job.number), name: golden.names[Int(job.request)],
        lists: [job.blocks.map { Int($0) }, job.chunks.map { Int($0) }])
    }
    try comparison.compare("stores", try jobs("stores", comparison.record), stores)
    try comparison.integers("flush", step.flushed.map { Int($0) })
  }

  func compareReport(_ report: KVTransferReport, _ comparison: StepComparison) throws {
    try comparison.integers("done", report.done.map { Int($0) })
    try compareNames("recv", report.received.map { Int($0) }, comparison)
    try compareNames("failed_recv", report.failed.map { Int($0) }, comparison)
    try compareNames("sent", report.sent.map { Int($0) }, comparison)
    try comparison.integers("invalid_blocks", report.invalidBlocks.map { Int($0) })
  }

  /// The chunks of the tier in the order in which they would be evicted.
  func compareTier(_ comparison: StepComparison) throws {
    guard let connector = scheduler.connector as? OffloadingConnector else { return }
    let record = comparison.record
    let text: String
    switch connector.tier.order {
    case .lru(let places):
      text = Self.list(places)
      if record.has("cpu") { try comparison.integers("cpu", places.map { Int($0) }) }
    case .arc(let once, let again, let evictedOnce, let evictedAgain, let target):
      let sizes = [once.count, again.count, evictedOnce, evictedAgain]
      text = [
        Self.list(once), Self.list(again), sizes.map(\.description).joined(separator: ","),
        Self.decimals(target),
      ].joined(separator: "|")
      guard record.has("cpu") else { break }
      let cpu = GoldenRecord(record, try record.value("cpu", as: [String: Any].self, "an object"))
      let nested = StepComparison(record: cpu, step: comparison.step)
      try nested.integers("t1", once.map { Int($0) })
      try nested.integers("t2", again.map { Int($0) })
      try nested.integer("b1", evictedOnce)
      try nested.integer("b2", evictedAgain)
      try nested.compare("target", try cpu.double("target"), target)
    }
    guard record.has("cpu_crc") else { return }
    var crc = CRC32()
    crc.add(text)
    try comparison.integer("cpu_crc", Int(crc.value))
  }

  private static func list(_ places: [ChunkTier.Place]) -> String {
    places.map(\.description).joined(separator: ",")
  }

  /// Six decimals.
  private static func decimals(_ value: Double) -> String {
    let millionths = Int((value * 1_000_000).rounded())
    let fraction = String(millionths % 1_000_000)
    return "\(millionths / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count)
      + fraction
  }

  // MARK: Reading

  /// A job of the tier as records have it: number, request, two lists, and 1 if it is synchronous.
  private struct Job: Equatable, CustomStringConvertible {
    var number: Int
    var name: String
    var lists: [[Int]]
    var isSynchronous = false
    var description: String { "[\(number), \(name), \(lists), \(isSynchronous)]" }
  }

  private func jobs(_ field: String, _ record: GoldenRecord) throws -> [Job] {
    try record.mixedLists(field).map { list in
      guard list.count == 4 || list.count == 5 && list[4] as? Int == 1,
        let number = list[0] as? Int,
        let name = list[1] as? String, let first = list[2] as? [Int], let second = list[3] as? [Int]
      else { throw record.failure("`\(field)` must list [job, id, [number, …], [number, …]]") }
      return Job(
        number: number, name: name, lists: [first, second], isSynchronous: list.count == 5)
    }
  }
}
