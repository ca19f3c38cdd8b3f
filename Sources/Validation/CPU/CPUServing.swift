import CostModel
import Fleet
import Kernels
import Messages
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// A model, ready to serve: its weights are drawn once and shared by all runs.
package struct CPUServing: Sendable {
  package let transformer: Transformer

  /// Draws the weights; they depend on nothing but model and seed.
  package init(_ model: ModelSpec, seed: UInt64 = 0, kernel: MatrixKernel = .rowStable) {
    OpenBLAS.setThreads(1)
    transformer = Transformer(model, seed: seed, kernel: kernel)
  }

  /// A run that really happened.
  package struct Run: Sendable {
    package var result: RunResult
    package var record: RunRecord
    package var warnings: [String]
    package let outputs: [GeneratedSequence]
  }

  /// Serves a trace for real.
  ///
  /// - Parameter clock: The wall clock, or processor time on a machine that others use.
  /// - Throws: ``UserError``, as a simulation does.
  package func serve(
    _ scenario: CPUScenario, trace: Trace, clock: Stopwatch = .wall
  ) throws -> Run {
    let settings = try scenario.settings()
    var warnings: [String] = []
    let trace = try scenario.prepared(trace, warnings: &warnings)
    let executor = ReferenceExecutor(
      transformer, requests: trace.requests, settings: settings,
      deviceBlocks: scenario.base.system.placedBlocks(settings), sampler: sampler(scenario),
      pacing: clock == .wall ? .wallClock : .processorTime)
    warmUp()
    let record = try scenario.run(trace, settings: settings, executor: executor)
    let machine = KernelMachine.current
    let summary = record.summary(
      scenario.labels(
        trace, settings: settings,
        profile: "measured/cpu (\(clock == .wall ? "wall clock" : "processor time"): "
          + "\(machine.processor), \(machine.cores) cores, "
          + "\(machine.instructionSet), 1 thread)"))
    warnings += summary.warnings(trace, scenario: scenario.base)
    return Run(
      result: RunResult(summary: summary, requests: record.requestRecords), record: record,
      warnings: warnings,
      outputs: trace.requests.indices.flatMap { executor.outputs(of: RequestID($0)) })
  }

  private func sampler(_ scenario: CPUScenario) -> TokenSampler {
    TokenSampler(seed: scenario.base.seed, temperature: scenario.temperature)
  }

  /// Touches weights and code once, so that the first request does not pay for it.
  func warmUp() {
    var alone = OneAtATime(transformer, sampler: TokenSampler(seed: 0, temperature: 0))
    let prompt = [Int32](repeating: 1, count: 64)
    _ = alone.output(
      like: GeneratedSequence(request: 0, stream: 0, prompt: prompt, output: [], streams: [0, 0]))
  }

  /// Generates every output of a run again, one at a time in contiguous memory.
  ///
  /// - Returns: The first difference of each sequence that differs.
  package func verify(
    _ run: Run, scenario: CPUScenario, progress: (_ done: Int, _ total: Int) -> Void
  ) -> [TokenDifference] {
    var alone = OneAtATime(transformer, sampler: sampler(scenario))
    return run.outputs.indices.compactMap { index in
      progress(index + 1, run.outputs.count)
      return alone.firstDifference(run.outputs[index])
    }
  }
}

extension CPUScenario {
  /// Serves a prepared trace with any executor.
  func run(
    _ trace: Trace, settings: EngineSettings, executor: any IterationExecutor,
    contents: PromptContents? = nil
  ) throws -> RunRecord {
    do {
      return try base.system.serve(
        trace.requests, settings: settings, executor: executor, oversized: base.oversized,
        contents: contents)
    } catch let failure as RunFailure {
      throw failure.userError(trace: trace.name, scenario: base)
    }
  }

  private var draftFields: [ScenarioField] {
    guard let drafts = base.speculativeTokens, let acceptance = base.acceptance else { return [] }
    return [
      ScenarioField("num-speculative-tokens", "\(drafts)"),
      ScenarioField("acceptance", acceptance.text),
    ]
  }

  func labels(_ trace: Trace, settings: EngineSettings, profile: String) -> RunLabels {
    RunLabels(
      system: base.system.name, model: base.model.name, device: base.device.name,
      requestRate: trace.offeredRate, blocks: settings.deviceBlocks,
      blockSize: settings.blockSize,
      provenance: Provenance(
        seed: base.seed, version: toolVersion,
        scenario: [
          ScenarioField("trace", trace.name),
          ScenarioField("block-size", "\(settings.blockSize)"),
          ScenarioField("num-gpu-blocks", "\(settings.deviceBlocks)"),
          ScenarioField("swap-space", "\(base.hostMemoryGiB)"),
          ScenarioField("max-num-seqs", "\(settings.maxSequences)"),
          ScenarioField("max-num-batched-tokens", "\(settings.maxBatchedTokens)"),
          ScenarioField("max-model-len", "\(settings.maxModelLength)"),
          ScenarioField("preemption-mode", settings.preemptionMode.rawValue),
          ScenarioField("time-scale", "\(timeScale)"),
          ScenarioField("temperature", "\(temperature)"),
        ] + draftFields,
        costProfile: profile))
  }
}
