/// Equal units, which of them are free, and which request took the others, in the order of its last taking.
///
///     free      | N-1 | … | 1 | 0 |  ← take pops here, free pushes here: a new store gives unit 0 first
///     requests  | oldest taking | … | newest |
///
/// - Complexity: O(units taken or given back), and O(requests) where the order of requests changes.
/// - Source: as in ``HybridPool``: a last-in, first-out list; all or nothing; requests in the order of their last taking,
///   which giving back does not change; a request without units is forgotten.
struct UnitStore: Sendable {
  private(set) var unitCount: Int
  /// The stack of free units; the top is the last.
  private(set) var freeStack: [Int32]
  /// The serial of the taking that holds each unit; 0 for a free one.
  private(set) var serials: [Int]
  /// The request that holds each unit; of a free one, its last.
  private(set) var holders: [Int32]
  /// The units of each request, in the order in which it took them.
  private(set) var held: [Int32: [Int32]] = [:]
  /// The requests in ``held``, the one whose last taking is oldest first.
  private(set) var requests: [Int32] = []
  private var takings = 0

  init(unitCount: Int) {
    self.unitCount = unitCount
    freeStack = (0..<Int32(unitCount)).reversed()
    serials = Array(repeating: 0, count: unitCount)
    holders = Array(repeating: 0, count: unitCount)
  }

  /// Takes `count` units for `request`, or none if fewer are free.
  mutating func take(_ count: Int, for request: Int32) -> [Int32]? {
    guard count <= freeStack.count else { return nil }
    let units = Array(freeStack.suffix(count).reversed())
    freeStack.removeLast(count)
    takings += 1
    for unit in units {
      serials[Int(unit)] = takings
      holders[Int(unit)] = request
    }
    if held[request] != nil { requests.removeAll { $0 == request } }
    requests.append(request)
    held[request, default: []] += units
    return units
  }

  /// Whether a taking still holds its unit.
  func isHeld(_ handle: HybridHandle) -> Bool {
    Int(handle.unit) < unitCount && serials[Int(handle.unit)] == handle.serial
  }

  /// Gives back the units among `units` that are held, whoever holds them.
  mutating func free(_ units: [Int32]) {
    if units.count == 1, serials[Int(units[0])] != 0 { return freeOne(units[0]) }
    var owners: [Int32] = []
    for unit in units where serials[Int(unit)] != 0 {
      let owner = holders[Int(unit)]
      if owners.last != owner, !owners.contains(owner) { owners.append(owner) }
      release(unit)
    }
    for owner in owners {
      held[owner]?.removeAll { serials[Int($0)] == 0 }
      if held[owner]?.isEmpty == true { forget(owner) }
    }
  }

  /// The same for one unit, which is found at once where the last to be taken goes first.
  private mutating func freeOne(_ unit: Int32) {
    let owner = holders[Int(unit)]
    release(unit)
    if let place = held[owner]?.lastIndex(of: unit) { held[owner]?.remove(at: place) }
    if held[owner]?.isEmpty == true { forget(owner) }
  }

  /// Gives back all units of the request whose last taking is oldest; nothing if there is none.
  mutating func evictOldest() {
    guard let request = requests.first else { return }
    for unit in held[request] ?? [] { release(unit) }
    forget(request)
  }

  /// Adds `count` units, which are taken before the free ones, the highest first.
  mutating func grow(by count: Int) {
    freeStack += Int32(unitCount)..<Int32(unitCount + count)
    serials += Array(repeating: 0, count: count)
    holders += Array(repeating: 0, count: count)
    unitCount += count
  }

  /// Drops the highest `count` units, or says no: all of them must be free.
  mutating func shrink(by count: Int) -> Bool {
    guard count <= unitCount, serials.suffix(count).allSatisfy({ $0 == 0 }) else { return false }
    unitCount -= count
    freeStack.removeAll { $0 >= Int32(unitCount) }
    serials.removeLast(count)
    holders.removeLast(count)
    return true
  }

  private mutating func release(_ unit: Int32) {
    serials[Int(unit)] = 0
    freeStack.append(unit)
  }

  private mutating func forget(_ request: Int32) {
    held[request] = nil
    requests.removeAll { $0 == request }
  }
}
