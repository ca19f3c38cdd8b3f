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
/// The places are memory of its own class, not an array: one look at who owns them for each change, and none at bounds,
/// since a place is a number below their power of two.
///
/// - Complexity: O(1), amortised. Memory follows the distance between the numbers in use.
public struct ResidentRows<Row: Sendable>: @unchecked Sendable {
  @usableFromInline
  struct Place {
    /// Whose row it is, or −1.
    @usableFromInline var number: Int
    @usableFromInline var row: Row

    @inlinable init(number: Int, row: Row) {
      self.number = number
      self.row = row
    }
  }

  /// Some places, freed with the last value that refers to them.
  @usableFromInline
  final class Owner {
    @usableFromInline let places: UnsafeMutableBufferPointer<Place>

    @inlinable init(_ places: UnsafeMutableBufferPointer<Place>) { self.places = places }

    deinit {
      places.deinitialize()
      places.deallocate()
    }
  }

  public let blank: Row
  @usableFromInline var owner: Owner
  @usableFromInline var places: UnsafeMutablePointer<Place>
  /// Places less one.
  @usableFromInline var mask: Int

  @inlinable public init(blank: Row) {
    self.blank = blank
    let all = UnsafeMutableBufferPointer<Place>.allocate(capacity: 64)
    all.initialize(repeating: Place(number: -1, row: blank))
    owner = Owner(all)
    places = all.baseAddress.unsafelyUnwrapped
    mask = all.count - 1
  }

  @inlinable public subscript(number: Int) -> Row {
    // A copy: where `_read` is not inlined, each call allocates what stands between its halves.
    @inline(__always) get {
      let place = places + (number & mask)
      return place.pointee.number == number ? place.pointee.row : blank
    }
    @inline(__always) _modify {
      makeUnique()
      if places[number & mask].number != number { open(number) }
      yield &places[number & mask].row
    }
  }

  /// Changes the row of a number for another.
  ///
  /// - Returns: The row before; `nil` if the number was not in use.
  @inlinable @inline(__always)
  public mutating func exchange(_ row: Row, of number: Int) -> Row? {
    makeUnique()
    let place = places + (number & mask)
    if place.pointee.number == number {
      let before = place.pointee.row
      place.pointee.row = row
      return before
    }
    open(number)
    places[number & mask].row = row
    return nil
  }

  /// Looks at the row of a number without a copy of it.
  @inlinable @inline(__always)
  public func with<Result>(_ number: Int, _ look: (Row) -> Result) -> Result {
    let place = places + (number & mask)
    return place.pointee.number == number ? look(place.pointee.row) : look(blank)
  }

  /// Rows that are changed one by one, whose memory was made its own once.
  @usableFromInline
  struct Rows {
    @usableFromInline let places: UnsafeMutablePointer<Place>
    @usableFromInline let mask: Int

    @inlinable init(_ places: UnsafeMutablePointer<Place>, mask: Int) {
      self.places = places
      self.mask = mask
    }

    /// Changes the row of a number that is in use.
    @inline(__always) @inlinable
    func update<Result>(_ number: Int, _ change: (inout Row) -> Result) -> Result {
      let place = places + (number & mask)
      precondition(place.pointee.number == number, "ResidentRows: \(number) is not in use")
      return change(&place.pointee.row)
    }
  }

  /// Changes rows with one look at who owns them.
  @inline(__always) @inlinable
  mutating func withRows(_ body: (Rows) -> Void) {
    makeUnique()
    body(Rows(places, mask: mask))
  }

  /// Blanks the row of a number.
  @inlinable @inline(__always)
  public mutating func close(_ number: Int) {
    makeUnique()
    let place = places + (number & mask)
    if place.pointee.number == number { place.pointee = Place(number: -1, row: blank) }
  }

  /// Gives a number that has no place one.
  @inlinable @inline(__always)
  mutating func open(_ number: Int) {
    while places[number & mask].number >= 0 { move(to: 2 * (mask + 1)) }
    places[number & mask].number = number
  }

  /// Takes memory of its own, if it shares some with a copy.
  @inlinable @inline(__always)
  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&owner) { move(to: mask + 1) }
  }

  /// Moves the rows to new memory of as many places.
  @usableFromInline
  mutating func move(to count: Int) {
    let all = UnsafeMutableBufferPointer<Place>.allocate(capacity: count)
    all.initialize(repeating: Place(number: -1, row: blank))
    for index in 0...mask where places[index].number >= 0 {
      all[places[index].number & (count - 1)] = places[index]
    }
    // Only now: the owner of the places before may go with it.
    owner = Owner(all)
    places = all.baseAddress.unsafelyUnwrapped
    mask = count - 1
  }
}
