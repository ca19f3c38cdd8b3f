/// The rows of the sequences that run, without gaps, so that sums over all of them are loops over an array.
struct SequenceRows<Row: Sendable>: Sendable {
  /// In no order that means anything.
  private(set) var rows: [Row] = []
  private var numbers: [Int] = []
  private var places: [Int: Int] = [:]

  private func place(_ sequence: Int) -> Int {
    guard let place = places[sequence] else {
      preconditionFailure("sequence \(sequence) has not started")
    }
    return place
  }

  subscript(sequence: Int) -> Row {
    get { rows[place(sequence)] }
    _modify { yield &rows[place(sequence)] }
  }

  mutating func open(_ sequence: Int, _ row: Row) {
    precondition(places[sequence] == nil, "sequence \(sequence) has started already")
    places[sequence] = rows.count
    rows.append(row)
    numbers.append(sequence)
  }

  /// Removes the row of a sequence; the last one takes its place.
  mutating func close(_ sequence: Int) -> Row {
    let place = place(sequence)
    let last = rows.count - 1
    rows.swapAt(place, last)
    numbers.swapAt(place, last)
    places[numbers[place]] = place
    places[sequence] = nil
    numbers.removeLast()
    return rows.removeLast()
  }
}
