/// A row for each of some numbers, of which few are in use at a time: the state of the requests in flight, however
/// many requests there are in all.
///
///     number   … | 17 | 18 | 19 | 20 | 21 | 22 | …      in use: 18, 20 and 21
///     place        1    2    3    4    5    6           number mod 8
///
/// Every number has a row. One that is not in use is blank and takes no memory: it comes into use when its row is
/// changed, and goes with ``close(_:)``. Numbers come and go nearly in order, so that those in use rarely want the
/// same place; when they do, there are twice as many places from then on.
///
/// - Complexity: O(1), amortised. Memory follows the distance between the numbers in use.
public struct ResidentRows<Row: Sendable>: Sendable {
  @usableFromInline
  struct Place: Sendable {
    /// Whose row it is, or −1.
    @usableFromInline var number: Int
    @usableFromInline var row: Row

    @inlinable init(number: Int, row: Row) {
      self.number = number
      self.row = row
    }
  }

  public let blank: Row
  @usableFromInline var places: [Place]

  @inlinable public init(blank: Row) {
    self.blank = blank
    places = Array(repeating: Place(number: -1, row: blank), count: 64)
  }

  @inlinable public subscript(number: Int) -> Row {
    // A copy: where `_read` is not inlined, each call allocates what stands between its halves.
    @inline(__always) get {
      let place = number & (places.count - 1)
      return places[place].number == number ? places[place].row : blank
    }
    @inline(__always) _modify {
      if places[number & (places.count - 1)].number != number { open(number) }
      yield &places[number & (places.count - 1)].row
    }
  }

  /// Looks at the row of a number without a copy of it.
  @inlinable @inline(__always)
  public func with<Result>(_ number: Int, _ look: (Row) -> Result) -> Result {
    let place = number & (places.count - 1)
    return places[place].number == number ? look(places[place].row) : look(blank)
  }

  /// Rows that are changed one by one, whose storage was made its own once.
  @usableFromInline
  struct Rows {
    @usableFromInline let places: UnsafeMutableBufferPointer<Place>

    @inlinable init(_ places: UnsafeMutableBufferPointer<Place>) { self.places = places }

    /// Changes the row of a number that is in use.
    @inline(__always) @inlinable
    func update<Result>(_ number: Int, _ change: (inout Row) -> Result) -> Result {
      let place = number & (places.count - 1)
      precondition(places[place].number == number, "ResidentRows: \(number) is not in use")
      return change(&places[place].row)
    }
  }

  /// Changes rows with one look at who owns the storage.
  @inline(__always) @inlinable
  mutating func withRows(_ body: (Rows) -> Void) {
    places.withUnsafeMutableBufferPointer { body(Rows($0)) }
  }

  /// Blanks the row of a number.
  @inlinable public mutating func close(_ number: Int) {
    let place = number & (places.count - 1)
    if places[place].number == number { places[place] = Place(number: -1, row: blank) }
  }

  @inlinable mutating func open(_ number: Int) {
    while places[number & (places.count - 1)].number >= 0 { makeRoom() }
    places[number & (places.count - 1)].number = number
  }

  @inlinable mutating func makeRoom() {
    let old = places
    places = Array(repeating: Place(number: -1, row: blank), count: 2 * old.count)
    for place in old where place.number >= 0 { places[place.number & (places.count - 1)] = place }
  }
}
