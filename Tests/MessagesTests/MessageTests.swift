import Messages
import Testing

@Suite struct UserErrorTests {
  @Test func readsAsMessageAndHint() {
    let error = UserError("the model does not fit", hint: "use two GPUs")
    #expect(error.description == "error: the model does not fit\n\nhint: use two GPUs")
    #expect(UserError("no such file").description == "error: no such file")
  }
}

@Suite struct NearestNameTests {
  @Test(arguments: [
    ("vlm-v1", "vllm-v1"), ("VLLM-V2", "vllm-v1"), ("orca-pow", "orca-pow2"),
    ("orca_max", "orca-max"),
  ])
  func theNearestNameIsFound(_ typed: String, _ meant: String) {
    let systems = ["vllm-v1", "vllm-0.2", "orca-max", "orca-pow2"]
    #expect(nearestName(to: typed, among: systems) == meant)
  }

  @Test func nothingIsSuggestedForNothingNear() {
    #expect(nearestName(to: "tensorrt", among: ["vllm-v1", "orca-max"]) == nil)
    #expect(nearestName(to: "", among: ["vllm-v1"]) == nil)
    #expect(nearestName(to: "vllm", among: []) == nil)
  }
}
