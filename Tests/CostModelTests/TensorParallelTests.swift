import CostModel
import SimulationKernel
import Testing

@Suite struct TensorParallelTests {
  @Test func keyValueHeadsAreReplicatedWhenTooFew() throws {
    let model = try ModelCatalogue.find("qwen3-235b-a22b")
    let bytes = [1, 2, 4, 8, 16].map { model.kvBytesPerToken(tensorParallel: $0) }
    #expect(bytes == [192_512, 96256, 48128, 48128, 48128])
  }

  @Test func latentCacheIsTheSameOnEveryGPU() throws {
    let model = try ModelCatalogue.find("deepseek-v3")
    #expect(model.kvBytesPerToken(tensorParallel: 8) == model.kvBytesPerToken())
  }

  @Test(arguments: ModelCatalogue.all)
  func sharesAreSmallerButAddUpToNoLessThanAll(_ model: ModelSpec) throws {
    var previous = model.parameters()
    for size in [2, 4, 8] where (try? model.checkTensorParallel(size)) != nil {
      let share = model.parameters(tensorParallel: size)
      #expect(share < previous)
      #expect(share * size >= model.parameters())
      previous = share
    }
  }

  @Test func sizesThatDoNotSplitAreRefused() throws {
    let opt = try ModelCatalogue.find("opt-13b")
    let phi = try ModelCatalogue.find("phi-3-medium-4k")
    #expect(
      message { try opt.checkTensorParallel(0) } == """
        error: `--tensor-parallel-size` 0 must be at least 1

        hint: sizes up to 8 that split `opt-13b`: 1, 2, 4, 5, 8
        """)
    #expect(
      message { try opt.checkTensorParallel(3) } == """
        error: `--tensor-parallel-size` 3 does not divide the 40 heads of `opt-13b`

        hint: sizes up to 8 that split `opt-13b`: 1, 2, 4, 5, 8
        """)
    #expect(
      message { try phi.checkTensorParallel(4) } == """
        error: `--tensor-parallel-size` 4 neither divides nor is a multiple of the 10 KV heads of \
        `phi-3-medium-4k`

        hint: sizes up to 8 that split `phi-3-medium-4k`: 1, 2, 5
        """)
  }
}

/// What the user would read if `body` fails, or `nil` if it does not.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}
