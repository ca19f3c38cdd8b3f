import Testing

@testable import Serving

/// What holds for every system of the list, and the options that only some have.
@Suite struct ServingSystemTests {
  @Test func namesAreUnique() {
    #expect(Set(ServingSystem.all).count == ServingSystem.all.count)
    for system in ServingSystem.all { #expect(ServingSystem(named: system.name) == system) }
    #expect(ServingSystem(named: "vllm") == .vllmV1)
    #expect(ServingSystem(named: "vllm-v2") == nil)
  }

  /// A setting that a system does not have is off in its defaults.
  @Test(arguments: ServingSystem.all) func defaultsFollowTheCapabilities(system: ServingSystem) {
    let (can, defaults) = (system.capabilities, system.defaults(on: nil))
    #expect((defaults.swapSpaceGiB > 0) == can.swaps)
    #expect(can.hasPrefixCache || !defaults.prefixCaching)
    #expect(can.cutsPrompts || !defaults.chunkedPrefill)
    #expect(can.limitsLongPrompts || defaults.longPrefillTokenThreshold == 0)
    #expect(defaults.maxSequences > 0 && defaults.maxBatchedTokens > 0)
    #expect(defaults.gpuMemoryUtilization > 0 && defaults.gpuMemoryUtilization <= 1)
    #expect(system.defaultRelease == system.releases.last)
  }

  private func settings() -> EngineSettings {
    EngineSettings(
      blockSize: 16, deviceBlocks: 10, maxSequences: 4, maxBatchedTokens: 64, maxModelLength: 64)
  }

  /// Options that were never set are their defaults, also in comparisons; those of one system leave the others'.
  @Test func optionsAreEachSystemsOwn() {
    var settings = settings()
    #expect(settings.v1 == V1Options() && settings.vllm02 == VLLM02Options(.v027))
    settings.v1 = V1Options()
    #expect(settings == self.settings())
    settings.vllm02 = VLLM02Options(.v020)
    #expect(settings != self.settings() && self.settings() != settings)
    settings.v1.prefixCaching = false
    #expect(settings.vllm02 == VLLM02Options(.v020) && !settings.v1.prefixCaching)
    var other = self.settings()
    other.v1.prefixCaching = false
    other.vllm02 = VLLM02Options(.v020)
    #expect(settings == other)
  }

  /// What users choose arrives in the options of the system that has them, and nowhere else.
  @Test func choicesBecomeOptions() {
    var choices = SystemChoices(
      release: "0.10", defaults: ServingSystem.vllmV1.defaults(on: nil))
    choices.longPrefillTokenThreshold = 7
    var settings = settings()
    ServingSystem.vllmV1.configure(&settings, by: choices)
    var wanted = V1Options(.v010)
    wanted.longPrefillTokenThreshold = 7
    #expect(settings.v1 == wanted)
    settings = self.settings()
    ServingSystem.fasterTransformer.configure(&settings, by: choices)
    #expect(settings == self.settings())
  }
}
