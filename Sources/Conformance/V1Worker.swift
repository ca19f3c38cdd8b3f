import KVMemory
import Serving

/// Stands for the workers that a recording was made with: moves nothing, and reports what is done after as many steps
/// as the recording says.
struct V1Worker {
  private let connector: V1Connector
  private let work: [V1RemoteWork]
  /// Jobs that are not done, by number, each with the step that reports it.
  private var jobs: [(job: KVTransferJob, due: Int)] = []
  private var receiving: [(sequence: Int32, due: Int)] = []
  private var sending: [(sequence: Int32, due: Int)] = []

  init(_ connector: V1Connector, _ work: [V1RemoteWork]) {
    self.connector = connector
    self.work = work
  }

  /// Blocks of a sequence that is complete are sent from now on.
  mutating func send(_ sequence: Int32, at step: Int) {
    sending.append((sequence, step + work[Int(sequence)].sendAfter + 1))
  }

  /// Does what a step says, and reports what is done with it.
  ///
  /// - Parameter table: Of a sequence.
  mutating func act(
    at time: Int, _ step: KVTransferStep, table: (Int32) -> [BlockID]
  ) -> KVTransferReport {
    var report = KVTransferReport()
    if connector.offloading == nil {
      for loading in step.loading {
        receiving.append((loading.request, time + work[Int(loading.request)].receiveAfter))
      }
      report.received = Self.take(&receiving, at: time)
      report.sent = Self.take(&sending, at: time)
      report.failed = report.received.filter { work[Int($0)].failsWhole }
      let invalid = report.received.flatMap { sequence in
        work[Int(sequence)].failsFrom.map { Array(table(sequence).dropFirst($0)) } ?? []
      }
      report.invalidBlocks = Set(invalid).sorted()
      return report
    }
    for job in step.jobs { jobs.append((job, time + latency(of: job))) }
    let done = jobs.filter { $0.due <= time || step.flushed.contains($0.job.number) }.map(\.job)
    report.done = done.map(\.number).sorted()
    jobs.removeAll { report.done.contains($0.job.number) }
    report.received = done.filter { $0.kind == .load(isAsynchronous: true) }.map(\.sequence)
    return report
  }

  private func latency(of job: KVTransferJob) -> Int {
    switch job.kind {
    case .store: 1 + connector.storeLatency
    case .load(isAsynchronous: true): connector.loadLatency
    case .load(isAsynchronous: false): 0
    case .cascade, .promotion: preconditionFailure("V1Worker: recordings have one tier")
    }
  }

  private static func take(_ list: inout [(sequence: Int32, due: Int)], at time: Int) -> [Int32] {
    let due = list.filter { $0.due <= time }.map(\.sequence)
    list.removeAll { $0.due <= time }
    return due
  }
}
