//! How fast the stages' inner loops are, without the contract around them.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::contract::Stop;
use crate::export::collect::Collector;
use crate::export::npz::NpzWriter;
use crate::failure::Failure;
use crate::game::GameConfig;
use crate::nn::{Model, NetEvaluator};
use crate::records::play::{PlayConfig, play_game};
use crate::records::selfplay::move_limit;
use crate::records::shard::Origin;
use crate::records::{ShardReader, ShardWriter};
use crate::search::{Gumbel, SearchConfig, game_rng};
use crate::train::adam::Adam;
use crate::train::dataset;
use crate::train::epoch::{Feeder, Pace};

/// Self-play with the untrained default network; with `output` the games are written as self-play writes them.
pub fn selfplay(config: GameConfig, simulations: usize, time: Duration, output: Option<&Path>) -> Result<(), Failure> {
    let model = Model::untrained(config)?;
    let origin = Origin {
        job_id: "bench".to_owned(),
        config,
        seed: 1,
        model_sha256: model.sha256.clone(),
        params: "{}".to_owned(),
    };
    let mut writer = output.map(|path| ShardWriter::open(path, origin)).transpose()?;
    let mut net = NetEvaluator::new(model);
    let mut gumbel = Gumbel::default();
    let search = SearchConfig { simulations, exploration: 1.0, ..SearchConfig::default() };
    let max_moves = move_limit(config.board, 0);
    let play = PlayConfig { config, search, temperature: 1.0, temperature_moves: 20, swap_rule: false, max_moves };
    let (mut games, mut moves, mut searched, started) = (0u64, 0, 0, Instant::now());
    while games == 0 || started.elapsed() < time {
        let game = play_game(&play, 1, games, &mut gumbel, &mut net, &Stop::default())?;
        games += 1;
        moves += game.moves.len();
        searched += game.moves.iter().filter(|m| m.policy.is_some()).count();
        if let Some(writer) = &mut writer {
            writer.add(&game)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    if let Some(writer) = writer {
        writer.finish()?;
    }
    crate::say::line(format_args!(
        "{config}: self-play with {simulations} simulations: {games} games, {moves} moves in {seconds:.2} s: {:.1} \
            games/s, {:.0} moves/s, {:.0} searched moves/s",
        games as f64 / seconds,
        moves as f64 / seconds,
        searched as f64 / seconds
    ));
    Ok(())
}

/// Export of a shard; replaying and writing are timed apart, because only the writing compares with numpy.
pub fn export(config: GameConfig, shard: &Path, output: &Path) -> Result<(), Failure> {
    let reader = ShardReader::open(shard)?;
    let folder = output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let started = Instant::now();
    let mut collector = Collector::new(config, 5, true, folder);
    for id in reader.ids()? {
        if let Err(reason) = collector.add(&reader.game(&id)?)? {
            return Err(Failure::bad(format!("game {id}: {reason}")));
        }
    }
    let (count, replayed) = (collector.columns.count, started.elapsed().as_secs_f64());
    let started = Instant::now();
    let mut npz = NpzWriter::create(output)?;
    collector.columns.write(&mut npz)?;
    npz.text("config_key", &config.to_string())?;
    npz.text("encoder_type", "ringrift-planes")?;
    npz.text("encoder_version", &crate::nn::model::ENCODER_VERSION.to_string())?;
    npz.text("policy_encoding", "ringrift-moves-1")?;
    npz.finish()?;
    let written = started.elapsed().as_secs_f64();
    crate::say::line(format_args!(
        "{config}: export of {count} samples: replayed in {replayed:.2} s, written in {written:.2} s: {:.0} samples/s \
            in all, {:.0} samples/s written",
        count as f64 / (replayed + written),
        count as f64 / written
    ));
    Ok(())
}

/// Learning from a sample file with the default network.
pub fn training(config: GameConfig, samples: &Path, time: Duration) -> Result<(), Failure> {
    let examples = dataset::read(samples, config)?;
    let model = Model::untrained(config)?;
    let mut params = model.params.to_vec();
    let mut adam = Adam::new(params.len());
    let mut feeder = Feeder::new(config, &model.layout);
    let pace = Pace {
        batch: 128,
        rate: 5e-4,
        decay: 0.1,
        value_weight: 1.0,
        search_share: 0.5,
        plane_rate: 0.03,
        total_steps: 1 << 20,
    };
    let (mut learned, started) = (0, Instant::now());
    while learned == 0 || started.elapsed() < time {
        let mut rng = game_rng(1, learned as u64);
        let part = &examples[..examples.len().min(8192)];
        feeder.epoch(part, &mut params, &model.layout, &mut adam, &pace, &mut rng, &Stop::default())?;
        learned += part.len();
    }
    let seconds = started.elapsed().as_secs_f64();
    crate::say::line(format_args!(
        "{config}: training: {learned} samples in {seconds:.2} s: {:.0} samples/s",
        learned as f64 / seconds
    ));
    Ok(())
}
