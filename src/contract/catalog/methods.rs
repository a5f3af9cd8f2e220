//! The table of methods.
use super::calls::{All, ById, ByKey, Fates, Got, Lineage, Listed, OneStage, Prune, RatingList, Rebuild, StageList};
use super::records::{ArtefactFilter, Rebuilt};
use crate::contract::method::methods;

methods! {
    "org.ringrift.Catalog" "../interfaces/org.ringrift.Catalog.varlink"
    Stage(ByKey) -> OneStage: Nothing;
    Stages(All) -> StageList: Nothing;
    Ratings(ByKey) -> RatingList: Nothing;
    Get(ById) -> Got: Reader;
    List(ArtefactFilter) -> Listed: Reader;
    Lineage(ById) -> Lineage: Reader;
    Prune(Prune) -> Fates: Control;
    Rebuild(Rebuild) -> Rebuilt: Control;
}
