import SimulationKernel
import Testing

@testable import CostModel

@Suite struct CalibratorTests {
  let device: DeviceSpec

  init() throws { device = try DeviceCatalogue.find("h100-sxm") }

  /// Rows that a device of known coefficients would give, each off by up to `noise`.
  func rows(_ op: KernelOperator, _ coefficients: [Double], _ sizes: [[Double]], noise: Double)
    -> [KernelRow]
  {
    let form = KernelForm(op: op, limits: DeviceLimits(device))
    var random = RandomStream(seed: 3, label: "noise")
    return sizes.map { sizes in
      let factor = 1 + noise * (2 * random.uniform() - 1)
      return KernelRow(op: op, sizes: sizes, seconds: form.seconds(coefficients, sizes) * factor)
    }
  }

  let doubling = (0..<12).map { Double(1 << $0) }

  @Test func aFitFindsTheTimesThatMadeTheRows() {
    let op = KernelOperator(kind: .allReduce)
    var summed = op
    summed.gpus = 4
    let sizes = (7..<29).map { [Double(1 << $0)] }
    let made = rows(summed, [7, 0.5, 0.2, 2, 1.5], sizes, noise: 0)
    let coefficients = Calibrator(device: device).fit(made)
    let form = KernelForm(op: summed, limits: DeviceLimits(device))
    for row in made {
      #expect(abs(form.seconds(coefficients, row.sizes) / row.seconds - 1) < 0.05)
    }
  }

  @Test func heldOutErrorsAreThoseOfTheNoise() throws {
    let op = KernelOperator(kind: .streaming)
    // All larger than the cache: what lies in it and what does not are two different rates.
    let sizes = (0..<200).map { [1e8 * Double($0 + 1)] }
    let made = rows(op, [2, 0.8, 1, 2, 0.8], sizes, noise: 0.1)
    let (profile, reports) = Calibrator(device: device).calibrate(made)
    let fit = try #require(reports.first { $0.form == .fit })
    // Evenly spread by ±10 %: 5 % on average.
    let error = try #require(fit.interpolationMAPE)
    #expect((0.03...0.07).contains(error), "\(error)")
    #expect(try #require(fit.extrapolationMAPE) < 0.1)
    #expect(profile.rows == 200)
    #expect(profile.interpolationMAPE != nil)
  }

  @Test func sameRowsSameProfile() {
    let op = KernelOperator(kind: .streaming)
    let made = rows(op, [2, 0.8, 1, 2, 0.8], (1..<60).map { [5e4 * Double($0)] }, noise: 0.2)
    let calibrator = Calibrator(device: device)
    #expect(calibrator.calibrate(made).profile == calibrator.calibrate(made).profile)
  }

  /// A product of 8 rows cannot take 1.3 times as long as those of 16, 32 and 64, in whose place it
  /// could run; the largest has nothing to be held against.
  @Test func aProductSlowerThanLargerOnesIsImplausible() {
    func row(_ m: Double, _ n: Double, _ microseconds: Double) -> KernelRow {
      KernelRow(op: KernelOperator(kind: .gemm), sizes: [m, n, 512], seconds: microseconds * 1e-6)
    }
    let curve = [row(8, 256, 16), row(16, 256, 10), row(32, 256, 10.5), row(64, 256, 12)]
    let alone = [row(8, 512, 90), row(128, 256, 500)]
    #expect(Calibrator.implausible(curve + alone) == [0])
    #expect(Calibrator.implausible([row(8, 256, 13)] + curve[1...]) == [])
    var streamed = curve
    for index in streamed.indices { streamed[index].op = KernelOperator(kind: .streaming) }
    #expect(Calibrator.implausible(streamed) == [])
  }

  /// One row in thirteen is ten times too slow: the table does not give it back.
  @Test func wrongRowsAreNotInTheTable() throws {
    let op = KernelOperator(kind: .gemm)
    let coefficients = KernelForm.coefficients(.gemm).map(\.start)
    var sizes: [[Double]] = []
    for n in [512.0, 1024, 2048, 4096] {
      for m in doubling { sizes.append([m, n, 1024]) }
    }
    let right = rows(op, coefficients, sizes, noise: 0)
    var made = right
    let wrong = Set(stride(from: 3, to: made.count, by: 13))
    for index in wrong { made[index].seconds *= 10 }
    #expect(Calibrator.implausible(made) == wrong)
    let model = Calibrator(device: device).model(made)
    let table = try #require(model.table)
    for row in right {
      let priced =
        model.form.seconds(model.coefficients, row.sizes) * table(row.sizes)
      #expect(abs(priced / row.seconds - 1) < 0.1, "\(row.sizes)")
    }
  }

  /// The same times whatever the coefficient: both starts fit equally well.
  @Test func aHandicappedStartHasToBeBetter() {
    let curve = CurveFit(seconds: { _, _ in 1 }, measured: [1.5, 2, 3])
    func best(_ handicap: Double) -> Double {
      let first = CurveFit.Start(coefficients: [4], handicap: handicap)
      let second = CurveFit.Start(coefficients: [7])
      return curve.best(from: [first, second], rows: [0, 1, 2]).coefficients[0].rounded()
    }
    #expect(best(1) == 4 && best(1.1) == 7 && best(0.9) == 4)
  }

  @Test func tooFewRowsHaveNoError() {
    let op = KernelOperator(kind: .streaming)
    let made = rows(op, [2, 0.8, 1, 2, 0.8], (1..<22).map { [1e5 * Double($0)] }, noise: 0)
    let reports = Calibrator(device: device).calibrate(made).reports
    #expect(reports.allSatisfy { $0.interpolationMAPE == nil && $0.p99 == nil })
  }

  /// They are not checked when the tool starts.
  @Test(arguments: ["a100", "h100", "h200", "b200", "b300", "gb200", "l40s", "rtx-pro-6000"])
  func theProfilesThatTheToolCarriesAreWhole(name: String) throws {
    let profile = ShippedProfiles.profile(name)
    try profile.validate(path: name)
    #expect(profile.operators.count { $0.table != nil } > 3)
    for library in KernelLibrary.allCases {
      let whole = ShippedProfiles.profile(name, library)
      try whole.validate(path: name)
      let own = whole.operators.dropFirst(profile.operators.count)
      #expect(own.contains { $0.op.kind == .experts && $0.op.library == library })
      #expect(own.contains { $0.op.kind == .latentDecode })
    }
    for states in ShippedProfiles.states(name) { #expect(states.op.kind.isRecurrent) }
  }
}
