import ArgumentParser
import CostModel
import Messages
import Results
import Validation

/// `kvplan validate`: predictions against measured serving.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Hold predictions against measured serving.",
    subcommands: [
      ValidatePointsCommand.self, ValidateErrorsCommand.self, ValidateRequestsCommand.self,
      ValidateServerCommand.self, ValidateSpeculationCommand.self,
      ValidateStepsCommand.self, ValidateKVCommand.self,
      ValidateMLPerfCommand.self, ValidateRouterCommand.self,
      ValidateCPUCommand.self, ValidateMemoryCommand.self,
    ])
}

/// `kvplan validate points`.
struct ValidatePointsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "points",
    abstract: "Simulate measured points of engines under closed-loop clients.",
    discussion: """
      Every row is simulated with its model, device, split, lengths and number of clients; the \
      engines differ in a few parameters that are the same for all rows.

      EXAMPLE
        kvplan validate points serving_points.csv --format csv > points.csv
      """)

  @Argument(help: "File in the layout of serving_points_dev.csv, plain or gzip.")
  var file: String

  @Option(
    name: .customLong("engine-parameter"),
    help: """
      Parameter of an engine in place of the fitted one, as `vllm.iteration_us=300`; may be repeated.
      """)
  var parameters: [String] = []

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let (points, warnings) = try ServingPoint.read(path: file)
    Terminal.warn(warnings)
    let parameters = try EngineParameters(self.parameters)
    let (predictions, failures) = PointPrediction.predict(
      points, models: { parameters.applied(to: .model($0), $0.backend) },
      progress: { Terminal.progress($0, of: points.count) })
    Terminal.warn(failures)
    guard !predictions.isEmpty else {
      throw UserError("`\(file)` has no row that can be simulated")
    }
    let prices = PointsTable.prices(predictions)
    for price in prices { Terminal.say("prices: \(price.name) (\(price.error))") }
    Terminal.write(PointsTable.rendered(predictions, format))
  }
}

/// The values of `--engine-parameter`.
struct EngineParameters {
  private let values: [(backend: ServingPoint.Backend, name: String, value: Double)]

  /// - Throws: ``UserError`` for what is not `ENGINE.NAME=NUMBER`.
  init(_ texts: [String]) throws {
    values = try texts.map { text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      let name = parts[0].split(separator: ".", maxSplits: 1).map(String.init)
      guard parts.count == 2, name.count == 2, let value = Double(parts[1]), value.isFinite,
        value >= 0
      else {
        throw UserError(
          "`--engine-parameter` must be ENGINE.NAME=NUMBER, 0 or more, found `\(text)`")
      }
      guard let backend = ServingPoint.Backend(rawValue: name[0]) else {
        let known = ServingPoint.Backend.allCases.map(\.rawValue).joined(separator: ", ")
        throw UserError("`--engine-parameter`: no engine `\(name[0])`", hint: "there are \(known)")
      }
      guard BackendModel.parameterNames.contains(name[1]) else {
        throw UserError(
          "`--engine-parameter`: no parameter `\(name[1])`",
          hint: "the names are \(BackendModel.parameterNames.joined(separator: ", "))")
      }
      return (backend, name[1], value)
    }
  }

  /// The model of an engine with the values for it set.
  func applied(to model: BackendModel, _ backend: ServingPoint.Backend) -> BackendModel {
    var model = model
    for value in values where value.backend == backend {
      guard model.set(value.name, to: value.value) else {
        preconditionFailure("`parameterNames` names `\(value.name)`, which cannot be set")
      }
    }
    return model
  }
}
