import CostModel
import SimulationKernel
import Testing

@Suite struct KVBudgetMessageTests {
  func budget(
    _ model: String, _ device: String, tensorParallel: Int = 1, utilization: Double = 0.9,
    tokenBudget: Int = 2048, blockSize: Int = 16
  ) throws {
    _ = try KVBudget(
      model: ModelCatalogue.find(model), device: DeviceCatalogue.find(device),
      tensorParallel: tensorParallel, utilization: utilization, tokenBudget: tokenBudget,
      blockSize: blockSize)
  }

  @Test func weightsThatDoNotFit() {
    #expect(
      message { try budget("llama-3.1-70b", "h200-sxm") } == """
        error: the model does not fit: weights need 141.1 GB but 1 × `h200-sxm` leaves 135.1 GB \
        after the 10 % reserve
        """)
    #expect(
      message { try budget("opt-175b", "a100-80gb", tensorParallel: 2) } == """
        error: the model does not fit: weights need 349.3 GB but 2 × `a100-80gb` leaves 153.0 GB \
        after the 10 % reserve
        """)
    #expect(
      message { try budget("deepseek-v2", "l4", utilization: 0.925) } == """
        error: the model does not fit: weights need 471.5 GB but 1 × `l4` leaves 21.9 GB after \
        the 7.5 % reserve
        """)
  }

  @Test func weightsThatFitButLeaveNoBlock() {
    #expect(
      message { try budget("opt-13b", "a100-40gb", utilization: 0.62) } == """
        error: no KV block fits: weights 25.7 GB + activations 0.4 GB + context 1.1 GB + one block \
        13.1 MB exceed the 26.2 GB that each of 1 × `a100-40gb` leaves after the 38 % reserve
        """)
  }

  @Test func argumentsOutOfRange() {
    #expect(
      message { try budget("opt-13b", "a100-40gb", utilization: 1.5) }
        == "error: `--gpu-memory-utilization` must lie in (0, 1], found 1.5")
    #expect(
      message { try budget("opt-13b", "a100-40gb", utilization: .nan) }
        == "error: `--gpu-memory-utilization` must lie in (0, 1], found nan")
    #expect(
      message { try budget("opt-13b", "a100-40gb", tokenBudget: 0) }
        == "error: `--max-num-batched-tokens` must be at least 1, found 0")
    #expect(
      message { try budget("opt-13b", "a100-40gb", blockSize: -1) }
        == "error: `--block-size` must be at least 1, found -1")
  }
}
