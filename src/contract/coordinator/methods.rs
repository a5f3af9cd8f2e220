//! The table of methods.
use super::bandwidth::{BandwidthView, CanTransfer, EndTransfer, Transfer, TransferEnded, TransferGrant};
use super::calls::{Accepted, Acquired, Cancel, CoordinatorStatus, Holder, LeaseList, LimitList, Renewed, Show, Shown};
use super::durations::{DurationOf, Durations, RecordDuration, StartView, TaskOf};
use super::optimizer::{
    Advice, AgreedRate, MaxSelfplay, NegotiateRate, Observe, Rates, Scale, SelfplayBound, ShouldScale, Utilization,
};
use super::safeguards::{
    Because, Emergency, Flags, RecordFailure, Recorded, Release, Reserve, ResetBreakers, ResetDone, SafeguardsView,
    Unreserve,
};
use super::scheduling::{QueueOrder, StopWork};
use super::selection::{Counted, Listed, WorkFilter, WorkSelection};
use super::work::{Acquire, CanSpawn, Dispatch, Enqueued, NewWork, Order, Report};
use crate::contract::method::{NoArguments, methods};

methods! {
    "org.ringrift.Coordinator" "../interfaces/org.ringrift.Coordinator.varlink"
    Status(NoArguments) -> CoordinatorStatus: Nothing;
    Safeguards(NoArguments) -> SafeguardsView: Nothing;
    Limits(NoArguments) -> LimitList: Nothing;
    Utilization(NoArguments) -> Utilization: Nothing;
    Rates(NoArguments) -> Rates: Nothing;
    MaxSelfplay(MaxSelfplay) -> SelfplayBound: Nothing;
    ShouldScale(ShouldScale) -> Scale: Nothing;
    List(WorkFilter) -> Listed: Reader;
    Count(WorkSelection) -> Counted: Reader;
    Show(Show) -> Shown: Reader;
    QueueOrder(NoArguments) -> QueueOrder: Reader;
    Leases(NoArguments) -> LeaseList: Reader;
    CanSpawn(Acquire) -> CanSpawn: Reader;
    Durations(NoArguments) -> Durations: Reader;
    ExpectedDuration(TaskOf) -> DurationOf: Reader;
    CanStartBeforePeak(TaskOf) -> StartView: Reader;
    Bandwidth(NoArguments) -> BandwidthView: Reader;
    CanTransfer(Transfer) -> CanTransfer: Reader;
    Enqueue(NewWork) -> Enqueued: Control;
    StopWork(StopWork) -> Accepted: Control;
    Cancel(Cancel) -> Accepted: Control;
    Acquire(Acquire) -> Acquired: Control;
    Renew(Holder) -> Renewed: Control;
    Release(Release) -> Accepted: Control;
    Reserve(Reserve) -> Accepted: Control;
    Unreserve(Unreserve) -> Accepted: Control;
    RecordFailure(RecordFailure) -> Recorded: Control;
    ResetBreakers(ResetBreakers) -> ResetDone: Control;
    Pause(Because) -> Accepted: Control;
    Resume(Because) -> Accepted: Control;
    Halt(Because) -> Emergency: Control;
    Clear(Because) -> Accepted: Control;
    RecordDuration(RecordDuration) -> DurationOf: Control;
    StartTransfer(Transfer) -> TransferGrant: Control;
    EndTransfer(EndTransfer) -> TransferEnded: Control;
    NegotiateRate(NegotiateRate) -> AgreedRate: Control;
    Observe(Observe) -> Advice: Own;
    Flags(Flags) -> Emergency: Own;
    Dispatch(Dispatch) -> Order: Own;
    Report(Report) -> Accepted: Own;
}
