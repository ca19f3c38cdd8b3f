import Serving
import SimulationKernel
import Testing

@testable import Planning

@Suite struct EngineReleasesTests {
  @Test func oneReleaseIsForWhoeverKnowsIt() throws {
    let releases = try EngineReleases("0.2.0")
    #expect(releases.release(for: .vllm02) == "0.2.0")
    #expect(releases.release(for: .vllmV1) == "0.2.0")
    try releases.require([.orcaMax])
  }

  @Test func eachSystemByName() throws {
    let releases = try EngineReleases("vllm-0.2=0.2.0, vllm-v1=0.10")
    #expect(releases.release(for: .vllm02) == "0.2.0")
    #expect(releases.release(for: .vllmV1) == "0.10")
    #expect(releases.release(for: .vllmSOSP23) == nil)
  }

  private func message(_ text: String, _ systems: [ServingSystem] = [.vllm02]) -> String {
    do {
      try EngineReleases(text).require(systems)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func messages() {
    #expect(
      message("vllm-0.2=0.3") == """
        error: `vllm-0.2` has no release `0.3`

        hint: its releases are `0.2.0` and `0.2.7`
        """)
    #expect(message("orca-max=1") == "error: `orca-max` has no releases to choose from")
    #expect(
      message("vlm-v1=0.10") == """
        error: unknown system `vlm-v1`

        hint: did you mean `vllm-v1`? `kvplan catalog systems` lists all
        """)
    #expect(
      message("0.2.0,0.10") == """
        error: `--engine-release` takes one release, or one for each system, found `0.2.0,0.10`

        hint: such as `--engine-release vllm-0.2=0.2.0,vllm-v1=0.10`
        """)
    #expect(
      message("vllm-0.2=0.2.0,vllm-0.2=0.2.7") == "error: `--engine-release` names `vllm-0.2` twice"
    )
    #expect(
      message("vllm-v1=0.10") == """
        error: `--engine-release` vllm-v1=0.10: `vllm-v1` is not simulated

        hint: leave it out, or add the system
        """)
  }
}
