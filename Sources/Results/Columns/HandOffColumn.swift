import Metrics
import Serving
import SimulationKernel

/// One column of `handoffs.csv`, named here only.
package struct HandOffColumn: Sendable {
  package var key: String
  package var unit: String
  package var meaning: String
  var append: @Sendable (RequestRecord, HandOff, inout ByteBuffer) -> Void

  /// Every column, in file order, behind the number of the run.
  package static let all: [HandOffColumn] = [
    HandOffColumn("request", "", "position in the replayed trace, from 0") {
      $2.append($0.index)
    },
    HandOffColumn("prefill_replica", "", "the replica that computed its prompt") {
      if let replica = $0.replica { $2.append(replica) }
    },
    HandOffColumn("decode_replica", "", "the replica that decoded it") {
      $2.append(Int($1.replica))
    },
    HandOffColumn("kv_bytes", "bytes", "keys and values that were read") { $2.append($1.bytes) },
    time("prefilled_s", "its prompt was computed") { $0.prefilled },
    time("transfer_start_s", "the replica that decodes had blocks, and began to read") {
      $0.asked
    },
    time("transfer_end_s", "all was read, and the blocks of the first replica were free") {
      $0.arrived
    },
    time("decode_scheduled_s", "start of the first iteration that decoded it") { $0.scheduled },
  ]

  private static func time(
    _ key: String, _ meaning: String, _ moment: @escaping @Sendable (HandOff) -> SimInstant?
  ) -> HandOffColumn {
    HandOffColumn(key, "s", meaning) { $2.append(seconds: moment($1)) }
  }

  private init(
    _ key: String, _ unit: String, _ meaning: String,
    append: @escaping @Sendable (RequestRecord, HandOff, inout ByteBuffer) -> Void
  ) {
    self.key = key
    self.unit = unit
    self.meaning = meaning
    self.append = append
  }
}
