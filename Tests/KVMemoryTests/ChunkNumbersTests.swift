import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct ChunkNumbersTests {
  private func key(_ stream: Int, _ index: Int) -> ContentKey {
    var runs = RunBuilder()
    _ = runs.add(stream: Int64(stream), start: 0, count: 1)
    return ContentKey(run: runs.identity, index: Int32(index))
  }

  /// A dictionary says the same, whatever is put in, changed and taken out.
  @Test(arguments: [1, 2] as [UInt64]) func itIsADictionary(seed: UInt64) {
    var random = RandomStream(seed: seed, label: "numbers")
    var numbers = ChunkNumbers()
    var model: [ContentKey: Int32] = [:]
    for step in 0..<4000 {
      let key = key(random.below(5), random.below(20))
      switch random.below(4) {
      case 0, 1:
        numbers[key] = Int32(step)
        model[key] = Int32(step)
      case 2:
        numbers[key] = nil
        model[key] = nil
      default:
        #expect(numbers[key] == model[key])
        #expect(numbers.find(key) == model[key])
      }
      guard numbers.count == model.count else {
        Issue.record("seed \(seed), step \(step): \(numbers.count) in place of \(model.count)")
        return
      }
    }
    #expect(numbers.numbers.sorted() == model.values.sorted())
    for stream in 0..<5 {
      for index in 0..<20 { #expect(numbers[key(stream, index)] == model[key(stream, index)]) }
    }
  }
}
