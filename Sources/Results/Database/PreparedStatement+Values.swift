import Database
import SimulationKernel

extension PreparedStatement {
  /// Binds the instant in nanoseconds, or NULL.
  func bind(_ instant: SimInstant?, at index: Int) {
    if let instant { bind(instant.nanoseconds, at: index) } else { bindNull(at: index) }
  }

  /// Binds one cell of a result.
  package func bind(_ value: JSONValue, at index: Int) {
    switch value {
    case .null: bindNull(at: index)
    case .boolean(let value): bind(value ? 1 : 0, at: index)
    case .integer(let value): bind(value, at: index)
    // As text: SQLite's integers have a sign and would fold the upper half of the seeds.
    case .unsigned(let value): bind(String(value), at: index)
    case .real(let value): bind(value, at: index)
    case .text(let value): bind(value, at: index)
    case .array, .object: bind(value.compact, at: index)
    }
  }
}
