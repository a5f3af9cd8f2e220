//! The macro that turns a list of events into the enum, the payload types and the table.

/// Declares payload structs; each names its type by the struct's own name.
macro_rules! payloads {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[$fmeta:meta])* $field:ident : $ty:ty),* $(,)? })*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
            pub struct $name {
                $($(#[$fmeta])* #[allow(missing_docs)] pub $field: $ty,)*
            }
            impl super::TypedPayload for $name {
                const TYPE: super::EventType = super::EventType::$name;
            }
        )*
    };
}
