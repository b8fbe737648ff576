//! What a configuration names is looked up here: rules, roles, views, columns, actions and keys. The floors that read files
//! know none of them, so an error is given the place where the name stands.

use crate::app::keymap::{BadKeys, Keymap};
use crate::app::view_config::Arrangement;
use crate::config::config_file::BadConfig;
use crate::config::located::{Arranged, Said, Threshold};
use crate::config::partial_settings::Layer;
use crate::config::search_paths::{self, Origin};
use crate::config::settings::Settings;
use crate::problems::thresholds::{Override, Thresholds};
use crate::ui::color::Depth;
use crate::ui::style_overrides::Own;

/// What holds when these layers are laid; also what they name is looked up.
pub(super) fn settings_of(layers: &[(Origin, Layer)]) -> anyhow::Result<Settings> {
    let layers = layers.iter().map(|(_, layer)| layer.clone());
    let settings = layers.fold(Settings::defaults(&search_paths::variable), Settings::lay);
    thresholds(&settings.thresholds)?;
    keymap(&settings.keys)?;
    arranged(&settings.views)?;
    own(&settings.colours, Depth::Sixteen)?;
    Ok(settings)
}

/// Limits of the rules.
pub(super) fn thresholds(said: &[Said<Threshold>]) -> Result<Thresholds, BadConfig> {
    let mut thresholds = Thresholds::default();
    for said in said {
        let Threshold { warn, crit, hold, is_off } = said.value;
        let change = Override { warn, crit, sustain: hold, is_off };
        thresholds.set(&said.name, change).map_err(|error| BadConfig::from(said.wrong(&error)))?;
    }
    Ok(thresholds)
}

/// The user's own styles, as far as the terminal has their colours.
pub(super) fn own(said: &[Said<String>], depth: Depth) -> Result<Own, BadConfig> {
    let mut own = Own::NONE;
    for said in said {
        own.choose(&said.name, &said.value, depth).map_err(|error| BadConfig::from(said.wrong(&error)))?;
    }
    Ok(own)
}

/// How views look.
pub(super) fn arranged(said: &[Said<Arranged>]) -> Result<Vec<Arrangement>, BadConfig> {
    let one = |said: &Said<Arranged>| {
        let Arranged { columns, sort, flat } = &said.value;
        Arrangement::new(&said.name, columns, sort.as_deref(), *flat).map_err(|error| said.wrong(&error).into())
    };
    said.iter().map(one).collect()
}

/// What keys do.
pub(super) fn keymap(said: &[Said<Vec<String>>]) -> anyhow::Result<Keymap> {
    let changes: Vec<(&str, &[String])> = said.iter().map(|said| (said.name.as_str(), said.value.as_slice())).collect();
    Keymap::changed(&changes).map_err(|error| {
        // Of two actions that want one key, the one that was said last is to blame.
        let is_about = |said: &&Said<Vec<String>>| match &error {
            BadKeys::NoSuchAction(name) => said.name == *name,
            BadKeys::NoSuchKey { action, .. } => said.name == *action,
            BadKeys::Conflict { first, second, .. } => said.name == *first || said.name == *second,
        };
        match said.iter().rev().find(is_about) {
            Some(said) => BadConfig::from(said.wrong(&error)).into(),
            None => error.into(),
        }
    })
}
