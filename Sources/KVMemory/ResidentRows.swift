/// A row for each of some numbers, of which few are in use at a time: the state of the requests in flight, however
/// many requests there are in all.
///
///     number   … | 17 | 18 | 19 | 20 | 21 | 22 | …      in use: 18, 20, 21 and 26
///     place        1    2    3    4    5    6           number mod 8; 26 finds 18 there, and stands one behind
///
/// Every number has a row. One that is not in use is blank and takes no memory: it comes into use when its row is
/// changed, and goes with ``close(_:)``. The numbers of one replica's requests come and go nearly in order, so that those
/// in use rarely want the same place, and there are twice as many places once they do; one replica of many sees
/// numbers far apart, of which a few stand behind their places.
///
/// The places are memory of its own class, not an array: one look at who owns them for each change, and none at bounds,
/// since a place is a number below their power of two.
///
/// - Complexity: O(1), amortised. Memory follows the distance between the numbers in use where they are near each other,
///   else how many they are.
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
  /// Rows in use.
  @usableFromInline var count = 0
  /// Rows in use that stand behind their own place.
  @usableFromInline var displacedCount = 0

  /// How far behind its own place a row may stand.
  @usableFromInline static var reach: Int { 8 }
  /// Places for each row in use up to which a taken place makes more of them.
  @usableFromInline static var roomFactor: Int { 4 }

  @inlinable public init(blank: Row) {
    self.blank = blank
    let all = UnsafeMutableBufferPointer<Place>.allocate(capacity: 64)
    all.initialize(repeating: Place(number: -1, row: blank))
    owner = Owner(all)
    places = all.baseAddress.unsafelyUnwrapped
    mask = all.count - 1
  }

  /// Where the row of a number is, or `nil` if it is not in use.
  @inlinable @inline(__always)
  func find(_ number: Int) -> UnsafeMutablePointer<Place>? {
    Rows(places, mask: mask, displacedCount: displacedCount).find(number)
  }

  @inlinable public subscript(number: Int) -> Row {
    // A copy: where `_read` is not inlined, each call allocates what stands between its halves.
    @inline(__always) get { find(number)?.pointee.row ?? blank }
    @inline(__always) _modify {
      makeUnique()
      let place = find(number) ?? open(number)
      yield &place.pointee.row
    }
  }

  /// Changes the row of a number for another.
  ///
  /// - Returns: The row before; `nil` if the number was not in use.
  @inlinable @inline(__always)
  public mutating func exchange(_ row: Row, of number: Int) -> Row? {
    makeUnique()
    if let place = find(number) {
      let before = place.pointee.row
      place.pointee.row = row
      return before
    }
    open(number).pointee.row = row
    return nil
  }

  /// Looks at the row of a number without a copy of it.
  @inlinable @inline(__always)
  public func with<Result>(_ number: Int, _ look: (Row) -> Result) -> Result {
    if let place = find(number) { return look(place.pointee.row) }
    return look(blank)
  }

  /// Rows that are changed one by one, whose memory was made its own once.
  @usableFromInline
  struct Rows {
    @usableFromInline let places: UnsafeMutablePointer<Place>
    @usableFromInline let mask: Int
    @usableFromInline let displacedCount: Int

    @inlinable init(_ places: UnsafeMutablePointer<Place>, mask: Int, displacedCount: Int) {
      self.places = places
      self.mask = mask
      self.displacedCount = displacedCount
    }

    @inlinable @inline(__always)
    func find(_ number: Int) -> UnsafeMutablePointer<Place>? {
      let place = places + (number & mask)
      if place.pointee.number == number { return place }
      return displacedCount == 0 ? nil : findBehind(number)
    }

    @usableFromInline
    func findBehind(_ number: Int) -> UnsafeMutablePointer<Place>? {
      for distance in 1...ResidentRows.reach {
        let place = places + ((number + distance) & mask)
        if place.pointee.number == number { return place }
      }
      return nil
    }

    /// Changes the row of a number that is in use.
    @inline(__always) @inlinable
    func update<Result>(_ number: Int, _ change: (inout Row) -> Result) -> Result {
      guard let place = find(number) else {
        preconditionFailure("ResidentRows: \(number) is not in use")
      }
      return change(&place.pointee.row)
    }
  }

  /// Changes rows with one look at who owns them.
  @inline(__always) @inlinable
  mutating func withRows(_ body: (Rows) -> Void) {
    makeUnique()
    body(Rows(places, mask: mask, displacedCount: displacedCount))
  }

  /// Blanks the row of a number.
  @inlinable @inline(__always)
  public mutating func close(_ number: Int) {
    makeUnique()
    guard let place = find(number) else { return }
    place.pointee = Place(number: -1, row: blank)
    count -= 1
    if place != places + (number & mask) { displacedCount -= 1 }
  }

  /// The numbers in use, rising.
  ///
  /// - Complexity: O(places).
  package var numbers: [Int] { (0...mask).map { places[$0].number }.filter { $0 >= 0 }.sorted() }

  /// Gives a number that has no place one.
  @inlinable @inline(__always)
  mutating func open(_ number: Int) -> UnsafeMutablePointer<Place> {
    count += 1
    let place = places + (number & mask)
    guard place.pointee.number < 0 else { return openBehind(number) }
    place.pointee.number = number
    return place
  }

  /// Gives a number a place whose own is taken: behind it, unless more places are cheap or none is free there.
  @usableFromInline
  mutating func openBehind(_ number: Int) -> UnsafeMutablePointer<Place> {
    while true {
      let own = places + (number & mask)
      if own.pointee.number < 0 {
        own.pointee.number = number
        return own
      }
      if mask >= Self.roomFactor * count {
        for distance in 1...Self.reach {
          let place = places + ((number + distance) & mask)
          guard place.pointee.number < 0 else { continue }
          place.pointee.number = number
          displacedCount += 1
          return place
        }
      }
      move(to: 2 * (mask + 1))
    }
  }

  /// Takes memory of its own, if it shares some with a copy.
  @inlinable @inline(__always)
  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&owner) { move(to: mask + 1) }
  }

  /// Moves the rows to new memory of as many places, or more where not all of them find one.
  @usableFromInline
  mutating func move(to least: Int) {
    var count = least
    var all = UnsafeMutableBufferPointer<Place>.allocate(capacity: count)
    all.initialize(repeating: Place(number: -1, row: blank))
    var displaced = 0
    var index = 0
    while index <= mask {
      defer { index += 1 }
      let number = places[index].number
      guard number >= 0 else { continue }
      let reach = count == mask + 1 || count >= Self.roomFactor * self.count ? Self.reach : 0
      let free = (0...reach).first { all[(number + $0) & (count - 1)].number < 0 }
      if let free {
        all[(number + free) & (count - 1)] = places[index]
        if free > 0 { displaced += 1 }
      } else {
        all.deinitialize()
        all.deallocate()
        count *= 2
        all = .allocate(capacity: count)
        all.initialize(repeating: Place(number: -1, row: blank))
        displaced = 0
        index = -1
      }
    }
    // Only now: the owner of the places before may go with it.
    owner = Owner(all)
    places = all.baseAddress.unsafelyUnwrapped
    mask = count - 1
    displacedCount = displaced
  }
}
