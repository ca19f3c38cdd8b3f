import SimulationKernel
import Testing

@testable import KVMemory

/// Rows of the numbers in use, against a dictionary.
@Suite struct ResidentRowsTests {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func behavesLikeADictionary(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "resident rows")
    var rows = ResidentRows(blank: -1)
    var model: [Int: Int] = [:]
    let spread = 1 << (2 + chance.below(10))
    for step in 0..<2000 {
      // A window of numbers that moves up, with a straggler now and then.
      let number = chance.below(50) == 0 ? 3 : step + chance.below(spread)
      if chance.below(3) == 0 {
        rows.close(number)
        model[number] = nil
      } else {
        rows[number] += step
        model[number, default: -1] += step
      }
      #expect(rows[number] == model[number] ?? -1, "seed \(seed), step \(step)")
      guard step % 20 == 0 else { continue }
      #expect(rows.brokenInvariant == nil, "seed \(seed), step \(step)")
      #expect(rows.numbers == model.keys.sorted(), "seed \(seed), step \(step)")
    }
    for number in 0..<(2000 + spread) {
      #expect(rows[number] == model[number] ?? -1, "seed \(seed), number \(number)")
    }
  }

  /// Numbers that come and go in order share the places that there were at first, however many come.
  @Test func placesFollowTheNumbersInUse() {
    var rows = ResidentRows(blank: 0)
    for number in 0..<10_000 {
      rows[number] = number
      if number >= 40 { rows.close(number - 40) }
    }
    #expect(rows.mask + 1 == 64)
    #expect(rows[9_999] == 9_999 && rows[9_960] == 9_960 && rows[9_959] == 0)
  }

  /// Numbers far apart, as one replica of many sees them, take places for those in use, not for their distance.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func numbersFarApartTakeFewPlaces(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "far apart")
    var rows = ResidentRows(blank: 0)
    var model: [Int: Int] = [:]
    var inUse: [Int] = []
    var number = 0
    for step in 0..<20_000 {
      number += 1 + chance.below(2000)
      rows[number] = step
      model[number] = step
      inUse.append(number)
      if inUse.count > 30 {
        let gone = inUse.remove(at: chance.below(inUse.count))
        rows.close(gone)
        model[gone] = nil
        #expect(rows[gone] == 0)
      }
      let other = inUse[chance.below(inUse.count)]
      #expect(rows[other] == model[other], "seed \(seed), step \(step), number \(other)")
      if step % 100 == 0 {
        #expect(rows.brokenInvariant == nil, "seed \(seed), step \(step)")
      }
    }
    #expect(rows.mask + 1 <= 512)
    #expect(rows.numbers == model.keys.sorted())
    #expect(rows.count == model.count)
    // A copy that takes memory of its own keeps them all.
    var copy = rows
    copy.close(inUse[0])
    #expect(copy.numbers == model.keys.sorted().filter { $0 != inUse[0] })
    #expect(copy.brokenInvariant == nil && rows.brokenInvariant == nil)
    #expect(rows.numbers == model.keys.sorted())
  }

  @Test func exchangesARow() {
    var rows = ResidentRows(blank: 0)
    let first = rows.exchange(7, of: 70)
    let second = rows.exchange(8, of: 70)
    let other = rows.exchange(9, of: 134)
    #expect([first, second, other] == [nil, 7, nil])
    #expect([rows[70], rows[134], rows[6]] == [8, 9, 0])
  }

  @Test func aCopyIsApart() {
    var rows = ResidentRows(blank: [Int]())
    rows[3] = [3]
    var copy = rows
    copy[3].append(4)
    rows[5] = [5]
    copy.close(5)
    var other = copy
    other.withRows { $0.update(3) { $0.append(6) } }
    copy.close(3)
    #expect([rows[3], copy[3], other[3]] == [[3], [], [3, 4, 6]])
    #expect([rows[5], copy[5], other[5]] == [[5], [], []])
  }

  @Test func updatesInOrder() {
    var rows = ResidentRows(blank: 0)
    for number in [5, 70, 133] { rows[number] = number }
    var next = 0
    rows.withRows { rows in
      for number in [133, 5] {
        next = rows.update(number) { row in
          row += next + 1000
          return next + 1000
        }
      }
    }
    #expect([5, 70, 133].map { rows[$0] } == [2005, 70, 1133])
  }
}
